#include "mcp/tool_result.h"

#include <gtest/gtest.h>

namespace holdfast::mcp {
namespace {

TEST(ToolResult, is_valid_with_parts_of_any_type_or_none) {
  for (const char* result :
       {R"({"content":[{"type":"text","text":"a"},{"type":"new"}],"isError":true})",
        R"({"content":[],"structuredContent":{"type":1}})", R"({ "isError" : false })", "{}"})
    EXPECT_EQ(fault_of_tool_result(result), "") << result;
}

TEST(ToolResult, says_what_is_wrong) {
  for (const char* result : {"", "[]", "null", R"("text")", R"({"content":[)", R"({"isError":true,"x":nul})"})
    EXPECT_EQ(fault_of_tool_result(result), "it is not an object") << result;
  for (const char* result : {R"({"isError":"yes"})", R"({"isError":0})", R"({"isError":null})"})
    EXPECT_EQ(fault_of_tool_result(result), "isError is neither true nor false") << result;
  for (const char* result : {R"({"content":"text"})", R"({"content":{}})", R"({"content":["text"]})",
                             R"({"content":[{"type":"text"},{}]})", R"({"content":[{"type":1}]})"})
    EXPECT_EQ(fault_of_tool_result(result), "content is not a list of parts with a type") << result;
}

}  // namespace
}  // namespace holdfast::mcp
