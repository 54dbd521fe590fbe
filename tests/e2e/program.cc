#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/ids.h"
#include "custody/places.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/spawn.h"
#include "outer.h"

namespace holdfast::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

int left_until(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

std::string slurp(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::filesystem::path scratch() {
  return std::filesystem::temp_directory_path() / ("holdfast-e2e-" + random_hex(6));
}

}  // namespace

bool until(const std::function<bool()>& done, milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  while (!done()) {
    if (steady_clock::now() >= end) return false;
    (void)os::poll_all({}, milliseconds(2));
  }
  return true;
}

Program::Program(const std::string& path, std::vector<std::string> arguments,
                 const std::filesystem::path& stderr_file) {
  auto in = os::pipe_pair();
  auto out = os::pipe_pair();
  const UniqueFd err(::open(stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!in || !out || !err) throw std::runtime_error("no pipes");
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::array<int, 3> fds{in->first.get(), out->second.get(), err.get()};
  os::SpawnOptions options;
  options.path = path.c_str();
  options.argv = argv.data();
  options.envp = environ;
  options.fds = fds;
  auto child = os::spawn(options);
  if (!child) throw std::runtime_error(child.error().message());
  handle_ = std::move(*child);
  stdin_ = std::move(in->second);
  stdout_ = std::move(out->first);
}

Program::~Program() {
  if (!exit_) {
    (void)handle_.signal(SIGKILL);
    (void)wait(milliseconds(5000));
  }
}

void Program::signal(int number) { (void)handle_.signal(number); }

void Program::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(stdin_.get(), text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::optional<std::string> Program::read_line(milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    if (const auto end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    pollfd set{stdout_.get(), POLLIN, 0};
    if (::poll(&set, 1, left_until(deadline)) <= 0) return std::nullopt;
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(stdout_.get(), buffer.data(), buffer.size());
    if (n <= 0) return std::nullopt;
    pending_.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::optional<Exit> Program::wait(milliseconds limit) {
  if (exit_) return exit_;
  pollfd set{handle_.get(), POLLIN, 0};
  if (::poll(&set, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  const auto waited = os::wait_child(handle_.pid());
  if (!waited || waited->pid == 0) return std::nullopt;
  exit_ = Exit{waited->code, waited->signal};
  return exit_;
}

Output run_program(const std::string& path, std::vector<std::string> arguments, milliseconds limit) {
  const auto err = scratch();
  Output output;
  {
    Program program(path, std::move(arguments), err);
    program.close_stdin();
    const auto deadline = steady_clock::now() + limit;
    while (auto line = program.read_line(milliseconds(left_until(deadline)))) output.out += *line + "\n";
    output.exit = program.wait(milliseconds(left_until(deadline))).value_or(Exit{});
  }
  output.err = slurp(err);
  std::filesystem::remove(err);
  return output;
}

std::vector<std::string> within(custody::Rung rung) {
  if (rung != custody::Rung::tree) return {};
  std::vector<std::string> words{"/usr/bin/unshare", "--mount"};
  if (::geteuid() != 0) words.insert(words.end(), {"--user", "--map-current-user"});
  words.insert(
      words.end(),
      {"/bin/sh", "-c",
       R"(awk '$3 == "cgroup2" {print $2}' /proc/mounts | xargs -r -n1 umount -l && exec "$@")", "sh"});
  return words;
}

namespace {

// When the file was made; nothing if it is not there.
std::optional<std::filesystem::file_time_type> made(const std::filesystem::path& file) {
  std::error_code gone;
  const auto time = std::filesystem::last_write_time(file, gone);
  return gone ? std::nullopt : std::optional(time);
}

}  // namespace

GatewayProcess::GatewayProcess(const std::string& yaml, std::vector<std::string> within)
    : dir_(scratch()), within_(std::move(within)) {
  std::filesystem::create_directories(dir_);
  configure(yaml);
  start();
}

void GatewayProcess::configure(const std::string& yaml) { std::ofstream(dir_ / "config.yaml") << yaml; }

void GatewayProcess::start() {
  program_.reset();
  std::vector<std::string> words = within_;
  for (const std::string& word :
       {program_path("holdfast"), std::string("serve"), std::string("--config"),
        (dir_ / "config.yaml").string(), std::string("--state-dir"), (dir_ / "state").string(),
        std::string("--log-level"), std::string("debug")})
    words.push_back(word);
  const std::string program = words.front();
  words.erase(words.begin());
  const std::filesystem::path socket = dir_ / "state/holdfast.sock";
  const auto older = made(socket);  // a killed gateway leaves its socket behind
  program_.emplace(program, words, dir_ / "gateway.log");
  const auto deadline = steady_clock::now() + std::chrono::seconds(20);
  while (made(socket) == older) {  // it appears only when the gateway answers
    if (steady_clock::now() > deadline || program_->wait(milliseconds(0)))
      throw std::runtime_error("the gateway did not start:\n" + log());
    std::this_thread::sleep_for(milliseconds(2));
  }
}

GatewayProcess::~GatewayProcess() {
  if (program_) {
    program_->signal(SIGTERM);
    (void)program_->wait(std::chrono::seconds(20));
  }
  program_.reset();
  // One that was killed leaves its places.
  std::string id;
  std::ifstream(dir_ / "state/gateway-id") >> id;
  if (const auto own = os::own_cgroup(); own && !id.empty())
    (void)custody::remove_places(custody::leaf_parent_of(*own, id));
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

std::string GatewayProcess::log() const { return slurp(dir_ / "gateway.log"); }

bool GatewayProcess::offers(custody::Rung rung) const {
  if (rung == custody::Rung::pidns) return log().find("pidns=yes") != std::string::npos;
  const bool leaf = log().find("rung=leaf") != std::string::npos;
  return leaf == (rung == custody::Rung::leaf);
}

std::vector<std::string> GatewayProcess::global_arguments() const { return {"--state-dir", dir_ / "state"}; }

Output GatewayProcess::cli(std::vector<std::string> arguments, milliseconds limit) {
  for (const auto& argument : global_arguments()) arguments.push_back(argument);
  return run_program(program_path("holdfast"), std::move(arguments), limit);
}

std::unique_ptr<Program> begin_connect(GatewayProcess& gateway, const std::string& server) {
  auto arguments = gateway.global_arguments();
  arguments.insert(arguments.begin(), {"connect", "--server", server});
  auto client = std::make_unique<Program>(program_path("holdfast"), arguments, gateway.dir() / "connect.log");
  client->write(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}})"
      "\n");
  return client;
}

std::unique_ptr<Program> connect(GatewayProcess& gateway, const std::string& server) {
  auto client = begin_connect(gateway, server);
  const auto hello = client->read_line(milliseconds(10'000));
  if (!hello || hello->find("\"serverInfo\"") == std::string::npos)
    throw std::runtime_error("no handshake: " + hello.value_or("no answer"));
  client->write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
  return client;
}

std::string call(Program& client, const std::string& tool, const std::string& arguments) {
  client.write(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
               R"(","arguments":)" + arguments + "}}\n");
  return client.read_line(milliseconds(20'000)).value_or("");
}

}  // namespace holdfast::test
