#include "mcp/revision.h"

#include <gtest/gtest.h>

namespace holdfast::mcp {
namespace {

TEST(Revision, names_are_ordered_and_found) {
  ASSERT_EQ(revisions().size(), 4U);
  EXPECT_EQ(oldest_revision().name, "2024-11-05");
  EXPECT_EQ(newest_revision().name, "2025-11-25");
  for (std::size_t i = 1; i < revisions().size(); ++i)
    EXPECT_LT(revisions()[i - 1].name, revisions()[i].name);
  for (const Revision& revision : revisions()) EXPECT_EQ(find_revision(revision.name), &revision);
  EXPECT_EQ(find_revision("2025-11-2"), nullptr);
  EXPECT_EQ(find_revision(""), nullptr);
}

TEST(Revision, only_one_has_batches) {
  for (const Revision& revision : revisions()) EXPECT_EQ(revision.batches, revision.name == "2025-03-26");
}

TEST(Revision, the_transport_before_streamable_http_is_of_the_one_that_knew_no_other) {
  EXPECT_EQ(http_sse_revision().name, "2024-11-05");
}

TEST(Revision, negotiation_echoes_what_we_speak_and_offers_the_newest_otherwise) {
  EXPECT_EQ(negotiate("2024-11-05").name, "2024-11-05");
  EXPECT_EQ(negotiate("2025-06-18").name, "2025-06-18");
  EXPECT_EQ(negotiate("2099-01-01").name, "2025-11-25");
  EXPECT_EQ(negotiate("").name, "2025-11-25");
}

}  // namespace
}  // namespace holdfast::mcp
