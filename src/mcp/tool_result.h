// The result of tools/call (spec 2025-11-25, server/tools): `content`, a list of parts with a type, and
// `isError`. A server may write anything.
#pragma once

#include <string_view>

namespace holdfast::mcp {

// What keeps the raw JSON `result` from being one, for people; empty: nothing. Both members may be absent.
// Reads all of it: for who acts upon a result, not for who passes it on.
std::string_view fault_of_tool_result(std::string_view result);

}  // namespace holdfast::mcp
