// TLS between the real programs: a gateway that listens with a certificate, and one whose server it is.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/test_support.h"
#include "net/tls_testing.h"
#include "programs_test.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using json = nlohmann::json;
namespace fs = std::filesystem;

class Tls : public ProgramsTest {
 protected:
  TempDir folder_;
  net::TlsFiles shown_ = net::test::self_signed(folder_.path(), "localhost");

  [[nodiscard]] std::string far_config() const {
    return "listen: \"https://127.0.0.1:0\"\ndrain: 2s\ntls: { certificate: " + shown_.certificate +
           ", key: " + shown_.key + " }\naudit: { file: " + (folder_.path() / "calls.jsonl").string() +
           " }\nmcpServers:\n  s:\n    command: " + HOLDFAST_FIXTURE_SERVER + "\n";
  }
  static std::string port_of(GatewayProcess& far) {
    const std::string address =
        json::parse(far.cli({"status", "--json"}).out)["gateway"]["listen"][0].get<std::string>();
    EXPECT_THAT(address, ::testing::StartsWith("https://127.0.0.1:"));
    return address.substr(address.rfind(':') + 1);
  }
  // What a gateway says that trusts `authority` and calls by way of `url`.
  Output call_by(const std::string& url, const std::string& authority) {
    GatewayProcess near("listen: []\ndrain: 2s\nmcpServers:\n  s:\n    url: " + url + "\n",
                        {"/usr/bin/env", "SSL_CERT_FILE=" + authority});
    return near.cli({"call", "s__echo", "text=hi"});
  }
  [[nodiscard]] std::string audited() const {
    std::ostringstream text;
    text << std::ifstream(folder_.path() / "calls.jsonl").rdbuf();
    return text.str();
  }
};

TEST_F(Tls, is_spoken_by_name_and_number_with_whom_the_certificate_is_for) {
  GatewayProcess far(far_config());
  const std::string port = port_of(far);
  for (const std::string host : {"localhost", "127.0.0.1"})
    EXPECT_EQ(call_by("https://" + host + ":" + port + "/mcp/s", shown_.certificate).out, "hi\n") << host;
  const auto stranger = net::test::self_signed(folder_.path(), "stranger").certificate;
  EXPECT_THAT(call_by("https://localhost:" + port + "/mcp/s", stranger).err,
              HasSubstr("self-signed certificate"));
  EXPECT_NE(call_by("http://localhost:" + port + "/mcp/s", shown_.certificate).exit.code, 0)
      << "in clear text there is nobody";
  EXPECT_TRUE(servers_become(0, 10s)) << to_string(living_servers());
  EXPECT_TRUE(
      until([&] { return audited().contains(R"("method":"tools/call","name":"echo","outcome":"ok")"); }, 5s))
      << audited();
  EXPECT_THAT(audited(), HasSubstr(R"("who":"anonymous")"));
}

TEST_F(Tls, is_for_the_name_of_the_certificate_only) {
  shown_ = net::test::self_signed(folder_.path(), "elsewhere.test");
  GatewayProcess far(far_config());
  EXPECT_THAT(call_by("https://localhost:" + port_of(far) + "/mcp/s", shown_.certificate).err,
              HasSubstr("TLS with localhost failed"));
}

TEST_F(Tls, has_what_is_on_the_disk_after_a_reload) {
  GatewayProcess far(far_config());
  const std::string url = "https://localhost:" + port_of(far) + "/mcp/s";
  ASSERT_EQ(call_by(url, shown_.certificate).out, "hi\n");
  const auto before = folder_.path() / "before.pem";
  fs::copy_file(shown_.certificate, before);
  (void)net::test::self_signed(folder_.path(), "localhost");  // in place of it
  EXPECT_EQ(far.cli({"reload"}).exit.code, 0);
  EXPECT_EQ(call_by(url, shown_.certificate).out, "hi\n");
  EXPECT_NE(call_by(url, before).exit.code, 0);

  std::ofstream(shown_.key) << "garbage";
  const auto refused = far.cli({"reload"});
  EXPECT_NE(refused.exit.code, 0);
  EXPECT_THAT(refused.out + refused.err, HasSubstr("localhost.key"));
  EXPECT_EQ(call_by(url, shown_.certificate).out, "hi\n") << "nothing has changed";
}

TEST_F(Tls, without_its_files_nothing_is_started) {
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(),
                 {"--config", folder_.path() / "c.yaml", "--state-dir", folder_.path() / "state"});
    return run_program(HOLDFAST_PROGRAM, std::move(words), 20s);
  };
  std::ofstream(folder_.path() / "c.yaml") << "listen: []\n";
  const auto none = run({"serve", "--listen", "https://127.0.0.1:0"});
  EXPECT_EQ(none.exit.code, 78);
  EXPECT_THAT(none.err, HasSubstr("https://127.0.0.1:0 needs `tls: { certificate: FILE, key: FILE }`"));
  fs::remove(shown_.key);
  std::ofstream(folder_.path() / "c.yaml") << far_config();
  for (const std::string verb : {"serve", "check"}) {
    const auto out = run({verb});
    EXPECT_EQ(out.exit.code, 78) << verb;
    EXPECT_THAT(out.out + out.err, HasSubstr("localhost.key: No such file or directory")) << verb;
  }
}

}  // namespace
}  // namespace holdfast::test
