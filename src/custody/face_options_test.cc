#include "custody/face_options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "custody/face_report.h"
#include "os/process.h"

namespace holdfast::custody {
namespace {

using std::chrono::milliseconds;

struct Words {
  explicit Words(std::initializer_list<const char*> list) : strings(list.begin(), list.end()) {
    for (auto& text : strings) pointers.push_back(text.data());
    pointers.push_back(nullptr);
  }
  std::vector<std::string> strings;
  std::vector<char*> pointers;
};

TEST(FaceOptions, have_defaults_inside_what_clients_grant) {
  Words words{"--", "cat", "-n"};
  const auto options = parse_face_options(words.pointers.data()).value();
  EXPECT_EQ(options.eof, milliseconds(1000));
  EXPECT_EQ(options.term, milliseconds(1500));
  EXPECT_TRUE(options.stop_at_end_of_input);
  EXPECT_EQ(options.isolation, Isolation::automatic);
  EXPECT_FALSE(options.limits.need_leaf());
  EXPECT_STREQ(options.command[0], "cat");
  EXPECT_STREQ(options.command[1], "-n");
  EXPECT_EQ(options.command[2], nullptr);
}

TEST(FaceOptions, are_read_with_and_without_an_equals_sign) {
  Words words{"--stop",
              "term=2s",
              "--on-eof=ignore",
              "--for",
              "1m",
              "--isolation=leaf",
              "--limit=files=9,memory=2k",
              "--limit",
              "pids=3,cpu=150%",
              "--report=/r",
              "cat",
              "--for"};
  const auto options = parse_face_options(words.pointers.data()).value();
  EXPECT_EQ(options.eof, milliseconds(1000));
  EXPECT_EQ(options.term, milliseconds(2000));
  EXPECT_FALSE(options.stop_at_end_of_input);
  EXPECT_EQ(options.time, milliseconds(60000));
  EXPECT_EQ(options.isolation, Isolation::leaf);
  EXPECT_EQ(options.limits.files, 9U);
  EXPECT_EQ(options.limits.memory, 2048U);
  EXPECT_EQ(options.limits.pids, 3U);
  EXPECT_EQ(options.limits.cpu, 150U);
  EXPECT_STREQ(options.report, "/r");
  EXPECT_STREQ(options.command[1], "--for") << "the command's own";
}

TEST(FaceOptions, refuse_what_cannot_be_meant) {
  for (const auto& list : std::initializer_list<std::initializer_list<const char*>>{
           {},
           {"--"},
           {"--stop"},
           {"--stop=", "--", "x"},
           {"--stop=eof", "--", "x"},
           {"--stop=eof=1s,,", "--", "x"},
           {"--stop=lost=1s", "--", "x"},
           {"--for=-1", "--", "x"},
           {"--limit=", "--", "x"},
           {"--limit=files", "--", "x"},
           {"--limit=cpu=50", "--", "x"},
           {"--limit=cpu=%", "--", "x"},
           {"--limit=pids=99999999999999999999", "--", "x"},
           {"--isolation=tree", "--limit=memory=1G", "--", "x"},
           {"-x", "--", "x"}}) {
    Words words(list);
    const auto options = parse_face_options(words.pointers.data());
    ASSERT_FALSE(options) << (list.size() == 0 ? "" : *list.begin());
    EXPECT_TRUE(options.error().is(Errc::invalid));
    EXPECT_FALSE(options.error().subject.empty());
  }
}

TEST(FaceReport, is_json_whatever_the_command_is_called) {
  std::string every;
  for (int c = 1; c < 256; ++c) every.push_back(static_cast<char>(c));
  Words words{"x", "\xf0\x9f\x90\x9a", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\xe2\x82"};
  words.pointers[0] = every.data();
  FaceReport report;
  report.command = words.pointers.data();
  for (int i = 0; i < 20; ++i) report.enter(LadderState::kill, LadderEvent::deadline);
  auto [read, write] = os::pipe_pair().value();
  ASSERT_TRUE(report.write(write.get()));
  write.reset();
  std::string text(65536, '\0');
  text.resize(static_cast<std::size_t>(::read(read.get(), text.data(), text.size())));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["command"].size(), 6U);
  EXPECT_EQ(json["command"][1], "\xf0\x9f\x90\x9a");
  EXPECT_EQ(json["command"][2], "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "a surrogate is no character";
  EXPECT_EQ(json["ladder"].size(), 8U);
  EXPECT_EQ(json["started_at"], "1970-01-01T00:00:00.000Z");
  read.reset();
}

}  // namespace
}  // namespace holdfast::custody
