#include "config/document.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast::config {
namespace {

// One node a line: place, kind, text.
void describe(const Node& node, int indent, std::string& out) {
  out += fmt::format("{:{}}{}:{} ", "", indent * 2, node.line, node.column);
  switch (node.kind) {
    case Node::Kind::null:
      out += "null\n";
      return;
    case Node::Kind::scalar:
      out += fmt::format("{} {}\n", node.plain ? "plain" : "text", node.text);
      return;
    case Node::Kind::list:
      out += "list\n";
      for (const NodePtr& item : node.items) describe(*item, indent + 1, out);
      return;
    case Node::Kind::map:
      out += "map\n";
      for (const auto& [key, value] : node.entries) {
        describe(*key, indent + 1, out);
        describe(*value, indent + 2, out);
      }
  }
}

std::string described(std::string_view text) {
  const Document document = parse_document(text);
  std::string out;
  for (const Problem& p : document.problems) out += format(p, "f") + "\n";
  if (document.problems.empty() || !document.root->is_null()) describe(*document.root, 0, out);
  return out;
}

TEST(document, every_node_has_its_place) {
  EXPECT_EQ(described("a: 1\nb:\n  - x\n  - \"y\"\nc: {d: , e: 'f'}\n"),
            "1:1 map\n"
            "  1:1 plain a\n    1:4 plain 1\n"
            "  2:1 plain b\n    3:3 list\n      3:5 plain x\n      4:5 text y\n"
            "  5:1 plain c\n    5:4 map\n"
            "      5:5 plain d\n        5:8 null\n"
            "      5:10 plain e\n        5:13 text f\n");
}

TEST(document, columns_count_characters) {
  EXPECT_EQ(described("\xef\xbb\xbf\"größe\": x\n"), "1:1 map\n  1:1 text größe\n    1:10 plain x\n");
}

TEST(document, lines_may_end_as_windows_ends_them) {
  EXPECT_EQ(described("a: 1\r\nb: 2\r\n"),
            "1:1 map\n  1:1 plain a\n    1:4 plain 1\n  2:1 plain b\n    2:4 plain 2\n");
}

TEST(document, anchors_tags_and_aliases_have_places) {
  EXPECT_EQ(described("a: &one 1\nb: *one\nc: !!str 5\n"),
            "1:1 map\n  1:1 plain a\n    1:4 plain 1\n  2:1 plain b\n    1:4 plain 1\n  3:1 plain c\n    3:4 "
            "text 5\n");
  const Document document = parse_document("a: &one 1\nb: \"q\"\nc: |\n  block\n");
  EXPECT_FALSE(document.root->find("a")->inline_text);
  EXPECT_TRUE(document.root->find("b")->inline_text);
  EXPECT_EQ(document.root->find("b")->text_column, 5);
  EXPECT_FALSE(document.root->find("c")->inline_text);
}

TEST(document, merge_keys_yield_to_the_map_itself) {
  EXPECT_EQ(described("x: &base {a: 1, b: 2}\ny: {<<: *base, b: 3}\n"),
            "1:1 map\n  1:1 plain x\n    1:4 map\n      1:11 plain a\n        1:14 plain 1\n      1:17 plain "
            "b\n        1:20 plain 2\n"
            "  2:1 plain y\n    2:4 map\n      2:16 plain b\n        2:19 plain 3\n      1:11 plain a\n      "
            "  1:14 plain 1\n");
  EXPECT_EQ(described("y: {<<: 5}\n").substr(0, 62),
            "f:1:9: error: y: `<<` takes a mapping or a list of mappings\n1:");
}

struct Refusal {
  std::string_view name;
  std::string text;
  std::string_view report;
};
class Refused : public ::testing::TestWithParam<Refusal> {};
TEST_P(Refused, with_one_problem) { EXPECT_EQ(described(GetParam().text), GetParam().report); }

std::string bomb() {
  std::string out = "a0: &a0 [" + std::string(200, 'x') + "]\n";
  for (int i = 1; i < 9; ++i) {
    out += fmt::format("a{}: &a{} [", i, i);
    for (int k = 0; k < 10; ++k) out += fmt::format("*a{}, ", i - 1);
    out += "]\n";
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    document, Refused,
    ::testing::Values(
        Refusal{"not_utf8", "a: b\nc: d\xff\n",
                "f:2:5: error: byte 0xff does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"overlong", "a: \xc0\xaf",
                "f:1:4: error: byte 0xc0 does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"surrogate", "ä: \xed\xa0\x80",
                "f:1:4: error: byte 0xed does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"cut_character", "a: \xe2\x82",
                "f:1:4: error: byte 0xe2 does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"zero_byte", std::string("a\0b", 3),
                "f:1:2: error: byte 0x00 does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"utf16", std::string("\xff\xfe{\0", 4),
                "f:1:1: error: byte 0xff does not belong into UTF-8 text; save the file as UTF-8\n"},
        Refusal{"too_large", std::string(kLargestFile + 1, ' '),
                "f: error: 4194305 bytes are too many; a configuration has at most 4 MiB\n"},
        Refusal{"too_deep", std::string(200, '[') + std::string(200, ']'),
                "f:1:101: error: nested deeper than 100 levels\n"},
        Refusal{"bomb", bomb(), "f:7:5: error: with its aliases written out it holds more than 32 MiB\n"},
        Refusal{"alias_inside_itself", "a: &a [*a]\n",
                "f:1:8: error: an alias stands inside the very value that it names\n"},
        Refusal{"two_documents", "a: 1\n---\nb: 2\n",
                "f:3:1: error: a second document starts here; one file holds one\n"},
        Refusal{"unclosed", "a: [1, 2\n", "f:2:1: error: this is not YAML: end of sequence flow not found\n"},
        Refusal{"tab", "a:\n  b:\n\tc: d\n",
                "f:3:1: error: this is not YAML: a tab indents this line, where only blanks may\n"},
        Refusal{"tab_behind_blanks", "a:\n  \tb: c\n",
                "f:2:3: error: this is not YAML: a tab indents this line, where only blanks may\n"},
        Refusal{"tab_in_json", "{\"a\":\n\t[1, 2\n\t\"b\": 1}\n",
                "f:3:8: error: this is not YAML: illegal flow end\n"},
        Refusal{"bad_escape", "a: \"\\é\"\n",
                "f:1:7: error: this is not YAML: unknown escape character: ?\n"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(document, nesting_is_counted_in_levels) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(parse_document(nested(100)).problems.size(), 0U);
  EXPECT_EQ(parse_document(nested(101)).problems.size(), 1U);
  EXPECT_EQ(parse_document(nested(100'000)).problems.size(), 1U);
}

TEST(document, odd_keys_are_named_with_their_place) {
  EXPECT_EQ(described("a:\n  - b: 1\n    b: 2\n").substr(0, 83),
            "f:3:5: error: a[0].b: the key \"b\" is given twice (first on line 2); keep one\n1:1 ma");
  EXPECT_EQ(described("? [1]\n: 2\n"), "f:1:3: error: a key must be one word or text\n1:1 map\n");
  EXPECT_EQ(described("m: {: 2}\n").substr(0, 55),
            "f:1:5: error: m: a key is missing before the colon\n1:1 ");
}

TEST(document, json_reads_with_tabs_comments_and_trailing_commas) {
  EXPECT_EQ(
      described(
          "// settings\n{\n\t\"a\":\"b//c\",\t/* x: \" */\n\t\"d\":[1,2,],\n\t'e': 'it''s //', # \"\n}\n"),
      "2:1 map\n  3:2 text a\n    3:6 text b//c\n  4:2 text d\n    4:6 list\n      4:7 plain 1\n      4:9 "
      "plain 2\n"
      "  5:2 text e\n    5:7 text it's //\n");
}

TEST(document, json_escapes_are_read) {
  EXPECT_EQ(described(R"({"a":"\ud83d\ude00 \u00e9 \/ \" \n"})"),
            "1:1 map\n  1:2 text a\n    1:6 text 😀 é / \" \n\n");
  EXPECT_EQ(parse_document(R"({"a":"\ud83d"})").problems.size(), 1U);
}

TEST(document, an_address_in_yaml_is_no_comment) {
  EXPECT_EQ(described("{url: http://x/y, other: 'a //b'}"),
            "1:1 map\n  1:2 plain url\n    1:7 plain http://x/y\n  1:19 plain other\n    1:26 text a //b\n");
}

TEST(document, large_files_take_no_square_of_their_size) {
  std::string text = "{";
  for (int i = 0; i < 60'000; ++i) text += fmt::format("\"key{}\":\"value\",", i);
  text += "}";
  const Document document = parse_document(text);
  EXPECT_TRUE(document.problems.empty());
  EXPECT_EQ(document.root->entries.size(), 60'000U);
}

TEST(clipped, cuts_between_characters_and_steers_no_terminal) {
  EXPECT_EQ(clipped("short", 60), "short");
  EXPECT_EQ(clipped("aéé", 4), "aé...");
  EXPECT_EQ(clipped("a\x1b[31m\n\xc2\x9b", 60), "a?[31m??");
  EXPECT_EQ(clipped("a\xff\xe2\x82", 60), "a???");
}

}  // namespace
}  // namespace holdfast::config
