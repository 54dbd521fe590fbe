#include "custody/containers.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/duration.h"
#include "base/log.h"
#include "base/mutant.h"
#include "custody/custodian_core.h"
#include "custody/recovery.h"

namespace holdfast::custody {

namespace {

using std::chrono::steady_clock;
constexpr milliseconds kAnswer{5000};     // what one command of a runtime may take
constexpr milliseconds kVanishing{5000};  // how long `ps` may still name what `rm` has removed
constexpr milliseconds kBetweenLooks{200};
constexpr milliseconds kFirstPause{1000}, kLongestPause{30000};  // until a runtime that failed is asked again
constexpr std::size_t kShownId = 12;
constexpr int kLooksUnsure = 3;  // no container was named yet: its making may still be under way

std::filesystem::path directory_of(const Core& core) { return core.options.state_dir / "containers"; }

// What is in the pipe, which holds 64 KiB: a thousand ids.
std::string take(int fd) {
  std::string text(std::size_t{1} << 16, '\0');
  const auto n = fd < 0 ? 0 : ::read(fd, text.data(), text.size());
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.substr(text.find_last_of('\n') + 1);
}

struct Answer {
  bool over = false;
  ExitStatus status;
  std::string out, err;
};

// One command of the runtime, in custody as any other. Its output, if it succeeded.
asio::awaitable<Result<std::string>> ask_runtime(CoreRef core, Command cli, std::vector<std::string> words,
                                                 milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  const std::string what = std::filesystem::path(cli.program).filename().native() + ' ' + words.front();
  TreeSpec spec{.name = what, .command = std::move(cli), .graces = {}};
  spec.graces = {.eof = milliseconds(0), .term = milliseconds(500), .lost = milliseconds(500)};
  for (auto& word : words) spec.command.arguments.push_back(std::move(word));
  const auto tree = std::make_shared<TreeImpl>(core->executor, core->intent_for(spec), spec.graces, false);
  tree->errand = true;
  const auto answer = std::make_shared<Answer>();
  tree->watch({.before_stop = {},
               .leader_exited = {},
               .retiring = {},
               .gone = [answer, raw = tree.get()](const Ending& ending) {
                 *answer = {.over = ending.leader.has_value(),
                            .status = ending.leader.value_or(ExitStatus{}),
                            .out = take(raw->stdout_fd()),
                            .err = take(raw->stderr_fd())};
               }});
  core->trees.push_back(tree);
  core->group.spawn("container.ask", run_start(core, tree, std::move(spec)));
  (void)co_await tree->settled.wait_until(deadline);
  if (core->ended) co_return fail(Errc::closed, "container", what);
  if (tree->start_error) co_return std::unexpected(*tree->start_error);
  if (tree->state() != TreeState::gone) {
    core->begin_stop(tree, "it did not answer in time");
    (void)co_await await_gone(core, tree);
    co_return fail(Errc::timeout, "container", what + ": no answer within " + format_duration(limit));
  }
  if (answer->over && answer->status.success()) co_return std::move(answer->out);
  co_return fail(Errc::unproven, "container",
                 what + ": " + to_string(answer->status) + ": " + std::string(last_line(answer->err)));
}

// Exactly those that bear the label.
asio::awaitable<Result<std::vector<std::string>>> list(CoreRef core, Command cli, std::string label) {
  std::vector<std::string> words{"ps", "-aq", "--no-trunc"};
  if (kSwitchedOff != Mechanism::container_label) {
    words.emplace_back("--filter");
    words.push_back("label=" + label);
  }
  auto out = co_await ask_runtime(core, std::move(cli), std::move(words), kAnswer);
  if (!out) co_return forward(out);
  co_return parse_ids(*out);
}

asio::awaitable<void> end_by_id(CoreRef core, Command cli, std::vector<std::string> ids, milliseconds grace) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace);
  std::vector<std::string> stop{"stop", "-t", std::to_string(seconds.count())}, remove{"rm", "-f"};
  for (auto* words : {&stop, &remove}) words->insert(words->end(), ids.begin(), ids.end());
  // Neither answer proves anything: with --rm they go by themselves meanwhile. What is left, `ps` tells.
  (void)co_await ask_runtime(core, cli, std::move(stop), seconds + kAnswer);
  if (core->ended) co_return;
  const auto removed = co_await ask_runtime(core, std::move(cli), std::move(remove), kAnswer);
  if (!removed) log::debug("container.rm", {{"error", removed.error().message()}});
}

// Until the runtime has named nobody `looks` times in a row. How many it ended, or why that cannot be known.
asio::awaitable<Result<int>> end_labelled(CoreRef core, Command cli, std::string label, milliseconds grace,
                                          int looks) {
  std::set<std::string> ended;
  auto deadline = steady_clock::time_point::max();
  bool again = false;
  for (int clean = 0;;) {
    auto ids = co_await list(core, cli, label);
    if (core->ended) co_return fail(Errc::closed, "container");
    if (!ids) co_return forward(ids);
    if (ids->empty() && ++clean >= looks) co_return static_cast<int>(ended.size());
    if (!ids->empty()) {
      clean = 0;
      if (steady_clock::now() >= deadline)
        co_return fail(Errc::unproven, "container", ids->front().substr(0, kShownId) + " does not end");
      const auto known = ended.size();
      ended.insert(ids->begin(), ids->end());
      again = known == ended.size();
      co_await end_by_id(core, cli, *ids, again ? milliseconds(0) : grace);
      if (!again) deadline = steady_clock::now() + kVanishing;
    }
    if (core->ended) co_return fail(Errc::closed, "container");
    if (again || ids->empty()) co_await sleep_until(steady_clock::now() + kBetweenLooks);
  }
}

asio::awaitable<bool> sure_of(CoreRef core, Container container) {
  co_return co_await core->worker.run(
      [directory = directory_of(*core), container] { return has_cid(container, directory); });
}

asio::awaitable<void> forget_on_worker(CoreRef core, std::vector<Container> containers) {
  co_await core->worker.run([directory = directory_of(*core), containers] {
    for (const auto& container : containers) forget(container, directory);
    return true;
  });
}

// What one life left with one runtime, asked in one way: ended together.
struct Left {
  std::vector<Container> containers;
  milliseconds grace{0};
  bool said = false;  // that it cannot be proven

  [[nodiscard]] bool takes(const Container& other) const {
    const auto& [tree, cli] = containers.front();
    return label_of_life(tree) == label_of_life(other.tree) && cli.program == other.cli.program &&
           cli.arguments == other.cli.arguments && cli.environment == other.cli.environment &&
           cli.cwd == other.cli.cwd;
  }
};

std::vector<Left> group(std::vector<Container> containers) {
  std::vector<Left> all;
  for (auto& container : containers) {
    const auto it = std::ranges::find_if(all, [&](const Left& left) { return left.takes(container); });
    Left& left = it == all.end() ? all.emplace_back() : *it;
    left.grace = std::max(left.grace, container.tree.lost);
    left.containers.push_back(std::move(container));
  }
  return all;
}

// False: not proven, and said once.
asio::awaitable<bool> end_left(CoreRef core, Left& left) {
  const Container first = left.containers.front();
  const auto ended =
      co_await end_labelled(core, first.cli, label_of_life(first.tree), left.grace, kLooksUnsure);
  if (core->ended) co_return false;
  if (ended) {
    co_await forget_on_worker(core, left.containers);
    log::info("recovery.containers", {{"runtime", first.cli.program}, {"ended", *ended}});
    co_return true;
  }
  for (const auto& container : left.containers)
    core->left_containers.unproven[container.tree.name] = ended.error().message();
  if (!std::exchange(left.said, true))
    log::warn("recovery.containers", {{"runtime", first.cli.program},
                                      {"left", left.containers.size()},
                                      {"error", ended.error().message()}});
  co_return false;
}

asio::awaitable<void> end_all_left(CoreRef core, std::vector<Left> all) {
  for (milliseconds pause = kFirstPause; !core->ended; pause = std::min(2 * pause, kLongestPause)) {
    std::vector<Left> still;
    for (auto& left : all)
      if (!co_await end_left(core, left)) still.push_back(std::move(left));
    if (core->ended) co_return;
    all = std::move(still);
    std::map<std::string, std::string> unproven;
    for (const auto& left : all)
      for (const auto& container : left.containers)
        unproven[container.tree.name] = core->left_containers.unproven[container.tree.name];
    core->left_containers.unproven = std::move(unproven);
    core->left_containers.looked.set();
    if (all.empty() || core->closing) co_return;
    co_await sleep_until(steady_clock::now() + pause);
  }
}

}  // namespace

asio::awaitable<void> end_containers(CoreRef core, TreeRef tree) {
  if (kSwitchedOff == Mechanism::containers) co_return;
  const Container container = *tree->container;
  if (tree->failed_step >= 0) co_return co_await forget_on_worker(core, {container});  // nothing was executed
  const int looks = co_await sure_of(core, container) ? 1 : kLooksUnsure;
  for (milliseconds pause = kFirstPause; !core->ended; pause = std::min(2 * pause, kLongestPause)) {
    const auto ended =
        co_await end_labelled(core, container.cli, label_of_tree(tree->entry), tree->graces.lost, looks);
    if (core->ended) co_return;
    if (ended) {
      if (*ended > 0) log::info("container.ended", {{"tree", tree->id()}, {"count", *ended}});
      co_return co_await forget_on_worker(core, {container});
    }
    tree->apply(TreeEvent::give_up, "its container: " + ended.error().message());
    co_await sleep_until(steady_clock::now() + pause);
  }
}

asio::awaitable<void> recall_containers(CoreRef core) {
  if (kSwitchedOff == Mechanism::left_containers) co_return;
  auto found = co_await core->worker.run([core] {
    auto containers = recorded(directory_of(*core));
    std::erase_if(containers, [&core](const Container& container) {
      const LedgerEntry& tree = container.tree;
      const bool other = tree.gateway_id != core->gateway_id ||
                         (tree.boot_id == core->boot_id && recovery::owner_lives(tree));
      if (other) log::warn("recovery.containers", {{"tree", tree.id}, {"reason", "of another gateway"}});
      return other;
    });
    return containers;
  });
  if (core->ended || found.empty()) co_return;
  for (const auto& container : found)
    core->left_containers.unproven[container.tree.name] = "its runtime has not answered yet";
  core->group.spawn("containers.left", end_all_left(core, group(std::move(found))));
}

asio::awaitable<Result<void>> await_left_containers(CoreRef core, std::string name) {
  auto& left = core->left_containers;
  if (left.unproven.contains(name))
    (void)co_await left.looked.wait_until(steady_clock::now() + core->options.start_limit);
  if (core->ended) co_return fail(Errc::closed, "container", name);
  const auto it = left.unproven.find(name);
  if (it == left.unproven.end()) co_return Result<void>{};
  co_return fail(Errc::refused, "container",
                 name + ": what an earlier gateway ran is not proven gone: " + it->second);
}

}  // namespace holdfast::custody
