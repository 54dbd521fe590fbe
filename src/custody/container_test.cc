#include "custody/container.h"

#include <gmock/gmock.h>

#include "base/ids.h"
#include "os/text_file.h"

namespace holdfast::custody {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Command command(std::string program, std::vector<std::string> arguments) {
  return {.program = std::move(program),
          .arguments = std::move(arguments),
          .environment = {"PATH=/bin", "API_KEY=secret", "DOCKER_HOST=unix:///x"},
          .cwd = "/srv"};
}

std::optional<std::size_t> at(std::vector<std::string> arguments, const std::string& program = "docker") {
  return position_of_run(command(program, std::move(arguments)));
}

LedgerEntry tree() {
  LedgerEntry entry;
  entry.id = "files-0123456789";
  entry.name = "files";
  entry.boot_id = "boot";
  entry.gateway_id = "gate";
  entry.generation = "life";
  entry.tag = "gate/files-0123456789";
  entry.gateway.pid = 7;
  return entry;
}

TEST(Container, is_known_by_the_base_name_and_the_verb) {
  EXPECT_EQ(at({"run", "img"}), 0U);
  EXPECT_EQ(at({"run", "img"}, "/opt/bin/podman"), 0U);
  EXPECT_EQ(at({"container", "run", "img"}, "nerdctl"), 1U);
  EXPECT_EQ(at({"--context", "far", "-D", "run", "-i", "img"}), 3U);
  EXPECT_EQ(at({"--host=tcp://x", "run", "img"}), 1U);
  EXPECT_FALSE(at({"run", "img"}, "dockerd"));
  EXPECT_FALSE(at({"run", "img"}, "/docker/npx"));
  EXPECT_FALSE(at({"exec", "-i", "box", "run"}));
  EXPECT_FALSE(at({"compose", "run", "img"}));
  EXPECT_FALSE(at({"--context=far", "ps", "run"}));
  EXPECT_FALSE(at({"container", "ls", "run"}));
  EXPECT_FALSE(at({}));
}

TEST(Container, gets_its_options_just_after_the_verb_and_keeps_every_other_word) {
  auto changed = command("docker", {"-H", "tcp://x", "container", "run", "-i", "img", "--init"});
  const auto container = adopt_container(changed, tree(), "/state/containers");
  ASSERT_TRUE(container);
  EXPECT_THAT(changed.arguments, ElementsAre("-H", "tcp://x", "container", "run", "--init", "--cidfile",
                                             "/state/containers/files-0123456789.cid", "--label",
                                             "holdfast.tree=gate/files-0123456789", "--label",
                                             "holdfast.gateway=gate/life", "-i", "img", "--init"));
  EXPECT_THAT(container->cli.arguments, ElementsAre("-H", "tcp://x"));
  auto other = command("npx", {"run"});
  EXPECT_FALSE(adopt_container(other, tree(), "/state/containers"));
  EXPECT_THAT(other.arguments, ElementsAre("run"));
}

TEST(Container, its_record_reads_back_without_the_servers_secrets) {
  auto changed = command("/opt/docker", {"--context", "with\nline", "run", "img"});
  const auto container = adopt_container(changed, tree(), "/s");
  const auto text = encode(*container);
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  const auto back = decode_container(text);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->tree, container->tree);
  EXPECT_EQ(back->cli.program, "/opt/docker");
  EXPECT_EQ(back->cli.cwd, "/srv");
  EXPECT_THAT(back->cli.arguments, ElementsAre("--context", "with\nline"));
  EXPECT_THAT(back->cli.environment, ElementsAre("PATH=/bin", "DOCKER_HOST=unix:///x"));
}

TEST(Container, a_torn_or_forged_record_is_none) {
  auto changed = command("docker", {"run", "img"});
  const auto text = encode(*adopt_container(changed, tree(), "/s"));
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(decode_container(text.substr(0, size))) << size;
  auto forged = text;
  forged.replace(forged.find("pdocker"), 7, "prm -rf");
  EXPECT_FALSE(decode_container(forged));
  forged = text;
  forged.replace(forged.find("ePATH="), 6, "eLD_P=");
  EXPECT_FALSE(decode_container(forged));
}

TEST(Container, ids_are_ids_and_nothing_else) {
  const auto ids = parse_ids("0123456789ab\n" + std::string(64, 'f') + "\n");
  ASSERT_TRUE(ids);
  EXPECT_THAT(*ids, ElementsAre("0123456789ab", std::string(64, 'f')));
  EXPECT_TRUE(parse_ids("")->empty());
  EXPECT_FALSE(parse_ids("0123456789ab\n--all\n"));
  EXPECT_FALSE(parse_ids("WARNING: something\n"));
  EXPECT_FALSE(parse_ids("0123456789a\n"));
}

TEST(Container, records_are_files_of_their_trees) {
  const auto directory = std::filesystem::temp_directory_path() / ("containers-" + random_hex(6));
  auto changed = command("docker", {"run", "img"});
  const auto container = *adopt_container(changed, tree(), directory);
  EXPECT_TRUE(recorded(directory).empty());
  EXPECT_TRUE(record(container, directory));
  ASSERT_EQ(recorded(directory).size(), 1U);
  EXPECT_FALSE(has_cid(container, directory));
  EXPECT_TRUE(os::write_file(directory / (container.tree.id + ".cid"), std::string(64, 'a')));
  EXPECT_TRUE(has_cid(container, directory));
  std::filesystem::copy(directory / (container.tree.id + ".container"), directory / "other.container");
  EXPECT_EQ(recorded(directory).size(), 1U) << "a copy names another tree";
  std::filesystem::remove(directory / "other.container");
  forget(container, directory);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove(directory);
}

}  // namespace
}  // namespace holdfast::custody
