#include "fake_custody.h"

#include <unistd.h>

#include <boost/asio/post.hpp>

#include "os/process.h"

namespace holdfast::test {

using custody::TreeAction;
using custody::TreeEvent;
using custody::TreeState;

FakeTree::FakeTree(asio::io_context& loop, std::string id, std::string name, SteadyTime when)
    : asked(when), settled(loop.get_executor()), loop_(loop), id_(std::move(id)), name_(std::move(name)) {
  std::tie(server_in_, stdin_) = os::pipe_pair().value();
  std::tie(stdout_, server_out_) = os::pipe_pair().value();
  for (const UniqueFd* end : {&stdin_, &server_in_, &stdout_, &server_out_})
    (void)os::set_nonblocking(end->get());
}

void FakeTree::apply(TreeEvent event, std::string reason) {
  const auto step = custody::advance(state_, event);
  if (step.next == state_) return;
  state_ = step.next;
  reason_ = std::move(reason);
  if (step.action != TreeAction::retire) return;
  tell([](const Watcher& w) {
    if (w.retiring) w.retiring();
  });
}

void FakeTree::watch(Watcher watcher) {
  watcher_ = std::move(watcher);
  taken_ = true;
  if (!news_.empty()) asio::post(loop_, [self = shared_from_this()] { self->flush(); });
}

void FakeTree::tell(News news) {
  news_.push_back(std::move(news));
  if (taken_) flush();
}

void FakeTree::flush() {
  while (!news_.empty()) {
    const auto next = std::move(news_.front());
    news_.pop_front();
    const Watcher current = watcher_;
    next(current);
  }
}

asio::awaitable<void> FakeTree::before_stop(SteadyTime deadline) {
  const auto errand = watcher_.before_stop;
  if (errand) co_await errand(deadline);
}

std::string FakeTree::hear() {
  std::string text;
  char buffer[4096];
  while (server_in_) {
    const ssize_t n = ::read(server_in_.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

void FakeTree::say(std::string_view line) {
  if (server_out_) (void)!::write(server_out_.get(), line.data(), line.size());
}

void FakeTree::crash(custody::ExitStatus status) {
  close_output();
  server_in_.reset();
  tell([status](const Watcher& w) {
    if (w.leader_exited) w.leader_exited(status, false);
  });
  apply(TreeEvent::leader_left, "the server ended by itself: " + to_string(status));
}

void FakeTree::hand_over() {
  tell([](const Watcher& w) {
    if (w.leader_exited) w.leader_exited({.code = 0}, true);
  });
}

void FakeTree::close_output() { server_out_.reset(); }

void FakeTree::give_up() {
  apply(TreeEvent::give_up, "its members do not die");
  settled.set();
}

void FakeTree::prove() {
  apply(TreeEvent::proven, "proven empty");
  stdin_.reset();
  server_in_.reset();
  server_out_.reset();
  tell([this](const Watcher& w) {
    if (w.gone) w.gone({.reason = reason_, .leader = {}});
    stdout_.reset();
    watcher_ = {};
  });
  settled.set();
}

asio::awaitable<Result<std::shared_ptr<custody::Tree>>> FakeCustodian::start(custody::TreeSpec spec) {
  Start mine(loop_, spec.name);
  struct Place {
    std::list<Start*>& starts;
    std::list<Start*>::iterator at;
    ~Place() { starts.erase(at); }
  };
  {
    const Place place{starts, starts.insert(starts.end(), &mine)};
    if (!co_await mine.decided.wait_until(SteadyTime::max())) co_return fail(Errc::cancelled, "start");
  }
  if (!mine.tree) co_return sys_error("execve", spec.name, ENOENT);
  co_return mine.tree;
}

void FakeCustodian::decide(Start& start, bool success) {
  if (success) {
    start.tree = std::make_shared<FakeTree>(loop_, "t-" + std::to_string(++made_), start.name, start.asked);
    all.push_back(start.tree);
  }
  start.decided.set();
}

asio::awaitable<bool> FakeCustodian::stop(std::shared_ptr<custody::Tree> tree, std::string reason) {
  const auto fake = std::static_pointer_cast<FakeTree>(std::move(tree));
  const bool first = fake->state() == TreeState::active || fake->state() == TreeState::orphaned;
  fake->apply(TreeEvent::stop, std::move(reason));
  if (first) {
    co_await fake->before_stop(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    fake->close_stdin();
  }
  (void)co_await fake->settled.wait_until(SteadyTime::max());
  co_return fake->state() == TreeState::gone;
}

asio::awaitable<custody::SweepReport> FakeCustodian::sweep() {
  custody::SweepReport report;
  for (const auto& tree : std::vector(all)) {
    if (tree->state() != TreeState::orphaned) continue;
    ++report.examined;
    (void)co_await stop(tree, "sweep");
  }
  co_return report;
}

std::vector<std::shared_ptr<custody::Tree>> FakeCustodian::trees() const {
  std::vector<std::shared_ptr<custody::Tree>> alive;
  for (const auto& tree : all)
    if (tree->state() != TreeState::gone && tree->taken()) alive.push_back(tree);
  return alive;
}

}  // namespace holdfast::test
