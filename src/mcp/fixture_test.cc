// The client against a real process: the fixture server, over real pipes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "mcp/client.h"
#include "mcp/test_peer.h"

namespace holdfast::mcp {
namespace {

// A fixture process, ended by its pid at the latest with its owner.
class Process {
 public:
  explicit Process(std::vector<std::string> flags) {
    int to[2];
    int from[2];
    EXPECT_EQ(::pipe2(to, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(from, O_CLOEXEC), 0);
    UniqueFd child_in(to[0]);
    UniqueFd child_out(from[1]);
    in = UniqueFd(from[0]);
    out = UniqueFd(to[1]);
    ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_in.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, child_out.get(), 1);
    flags.insert(flags.begin(), HOLDFAST_FIXTURE_SERVER);
    std::vector<char*> argv;
    argv.reserve(flags.size() + 1);
    for (std::string& flag : flags) argv.push_back(flag.data());
    argv.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // The exit status after end-of-file; 128+n after a signal; -1: it did not end in time.
  int end() {
    out.reset();
    for (const auto limit = steady_clock::now() + 5s; steady_clock::now() < limit;) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      ::poll(nullptr, 0, 2);
    }
    return -1;
  }
  UniqueFd in, out;

 private:
  pid_t pid_ = -1;
};

template <class T>
asio::awaitable<void> keep(asio::awaitable<T> work, std::optional<T>& into) {
  into.emplace(co_await std::move(work));
}

class Fixture : public ::testing::Test {
 protected:
  void start(std::vector<std::string> flags = {}) {
    process.emplace(std::move(flags));
    client = Client::over_stdio(
        loop.get_executor(), process->in.get(), process->out.get(), {.name = "fixture"},
        {.notification = [this](std::string_view method, std::string_view) { notes.emplace_back(method); },
         .closed = [this](const Error&) { ++closed; }});
  }
  template <class T>
  Result<T> wait_for(asio::awaitable<Result<T>> work) {
    std::optional<Result<T>> answer;
    tasks.spawn("test", keep(std::move(work), answer));
    if (!run_until(loop, [&] { return answer.has_value(); })) return fail(Errc::timeout, "test");
    return std::move(*answer);
  }
  Deadline soon() { return steady_clock::now() + 4s; }
  Result<InitializeResult> hello() { return wait_for(client->initialize(soon())); }
  // The result of a tool call, or the error in words.
  std::string call(std::string_view params, std::function<void(std::string_view)> progress = {},
                   milliseconds limit = 4s) {
    auto reply = wait_for(client->request(
        "tools/call", params, {.deadline = steady_clock::now() + limit, .progress = std::move(progress)}));
    if (!reply) return reply.error().message();
    return reply->error ? "error " + reply->error->message : reply->result;
  }

  asio::io_context loop;
  std::optional<Process> process;
  std::unique_ptr<Client> client;
  std::vector<std::string> notes;
  int closed = 0;
  TaskGroup tasks{loop.get_executor()};
};

TEST_F(Fixture, speaks_every_revision) {
  for (const std::string version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    start({"--version", version, "--instructions", "hi"});
    const auto result = hello();
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->protocol_version, version);
    EXPECT_EQ(result->instructions, "hi");
    client.reset();
    EXPECT_EQ(process->end(), 0);
  }
  start({"--version", "1999-01-01"});
  EXPECT_FALSE(hello());
}

TEST_F(Fixture, calls_tools_and_lists_pages) {
  start({"--page-size", "5", "--garbage"});
  ASSERT_TRUE(hello());
  EXPECT_NE(call(R"({"name":"echo","arguments":{"text":"grüße \u0000"}})").find("grüße \\u0000"),
            std::string::npos);
  EXPECT_NE(call(R"({"name":"add","arguments":{"a":2,"b":3}})").find("\"5\""), std::string::npos);
  EXPECT_NE(call(R"({"name":"fail"})").find("\"isError\":true"), std::string::npos);
  EXPECT_EQ(call(R"({"name":"nonesuch"})"), "error Unknown tool: nonesuch");
  EXPECT_GT(call(R"({"name":"big","arguments":{"bytes":5000000}})").size(), 5'000'000U);
  const auto tools = wait_for(client->list_tools(soon()));
  ASSERT_TRUE(tools);
  EXPECT_EQ(tools->size(), 12U);
  EXPECT_GT(client->counters().garbage_lines, 0);
  client.reset();
  EXPECT_EQ(process->end(), 0);
}

TEST_F(Fixture, reports_progress_and_takes_a_cancellation) {
  start();
  ASSERT_TRUE(hello());
  int steps = 0;
  EXPECT_NE(
      call(R"({"name":"sleep","arguments":{"ms":350}})", [&](std::string_view) { ++steps; }).find("slept"),
      std::string::npos);
  EXPECT_EQ(steps, 3);
  EXPECT_NE(call(R"({"name":"sleep","arguments":{"ms":200}})", {}, 50ms).find("tools/call"),
            std::string::npos);
  // Cancelled, so its answer never comes, not even late; and the server lives on.
  EXPECT_NE(call(R"({"name":"sleep","arguments":{"ms":300}})").find("slept"), std::string::npos);
  EXPECT_EQ(client->counters().late_replies, 0);
}

TEST_F(Fixture, a_crash_fails_the_call_in_flight) {
  start();
  ASSERT_TRUE(hello());
  EXPECT_NE(call(R"({"name":"crash"})").find("closed its output"), std::string::npos);
  EXPECT_EQ(closed, 1);
  client.reset();
  EXPECT_EQ(process->end(), 128 + SIGABRT);
}

TEST_F(Fixture, exits_as_told) {
  start({"--exit-after", "2"});
  ASSERT_TRUE(hello());
  EXPECT_NE(call(R"({"name":"counter"})").find("\"1\""), std::string::npos);
  call(R"({"name":"counter"})");
  ASSERT_TRUE(run_until(loop, [&] { return closed == 1; }));
  client.reset();
  EXPECT_EQ(process->end(), 0);
}

TEST_F(Fixture, a_server_that_never_answers_the_handshake_times_out) {
  start({"--no-init"});
  const auto result = wait_for(client->initialize(steady_clock::now() + 30ms));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::timeout));
}

TEST_F(Fixture, its_question_is_answered_so_that_it_ends_at_end_of_file) {
  start({"--ask-roots"});
  ASSERT_TRUE(hello());
  ASSERT_TRUE(run_until(loop, [&] { return client->counters().refused_requests == 1; }));
  std::optional<int> done;
  const auto stop = [](Client& which, std::optional<int>& note) -> asio::awaitable<void> {
    co_await which.stop_writing(steady_clock::now() + 1s);
    note = 1;
  };
  tasks.spawn("stop", stop(*client, done));
  ASSERT_TRUE(run_until(loop, [&] { return done.has_value(); }));
  client->release();
  EXPECT_EQ(process->end(), 0);
}

TEST_F(Fixture, says_that_its_list_changed) {
  start({"--list-changed"});
  ASSERT_TRUE(hello());
  call(R"({"name":"grow"})");
  ASSERT_TRUE(run_until(loop, [&] { return !notes.empty(); }));
  EXPECT_EQ(notes[0], "notifications/tools/list_changed");
  EXPECT_EQ(wait_for(client->list_tools(soon()))->size(), 14U);
}

TEST_F(Fixture, a_thousand_calls_at_once_all_come_back) {
  start();
  ASSERT_TRUE(hello());
  std::vector<std::optional<Result<Reply>>> answers(1000);
  for (std::size_t i = 0; i < answers.size(); ++i)
    tasks.spawn("call", keep(client->request("ping", {}, {.deadline = soon(), .progress = {}}), answers[i]));
  ASSERT_TRUE(run_until(loop, [&] { return client->counters().replies == 1001; }));
  EXPECT_EQ(client->in_flight(), 0U);
}

}  // namespace
}  // namespace holdfast::mcp
