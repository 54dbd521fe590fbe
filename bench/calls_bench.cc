#include <time.h>

#include <array>
#include <map>
#include <optional>
#include <stdexcept>

#include "bench.h"
#include "census.h"
#include "contestants.h"
#include "load.h"
#include "os/procfs.h"

namespace holdfast::bench {
namespace {

constexpr int kRounds = 3;
constexpr std::chrono::milliseconds kWarm{200};
constexpr double kKilo = 1024;
constexpr std::size_t kFewSessions = 10, kManySessions = 1000;

struct Case {
  std::size_t clients, bytes;
  // At most so many times the bare echo's; 0: no goal.
  double p50 = 0, p99 = 0;
};
constexpr std::array kCases{Case{1, 64, 1.5, 3}, Case{10, 64, 2.8, 2}, Case{50, 64, 3.0, 2},
                            Case{1, 1U << 10},   Case{1, 64U << 10},   Case{1, 1U << 20}};

double processor_us(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    throw std::runtime_error("process " + std::to_string(pid) + " is gone");
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

double middle(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

// The median of every figure over the rounds.
struct Figures {
  std::vector<double> p50, p99, rate, processor;  // us, us, calls/s, us of the gateway's a call
  std::size_t calls = 0;
  [[nodiscard]] nlohmann::json json() const {
    return {{"p50_us", middle(p50)},
            {"p99_us", middle(p99)},
            {"calls_per_s", middle(rate)},
            {"processor_us_per_call", middle(processor)},
            {"calls", calls}};
  }
};

void measure(const Contestant& contestant, const std::vector<Target>& sessions, const Case& one,
             std::chrono::milliseconds duration, Figures& into) {
  Load load({sessions.begin(), sessions.begin() + static_cast<std::ptrdiff_t>(one.clients)}, one.bytes);
  (void)load.run(kWarm);
  const double before = processor_us(contestant.pid);
  const Latencies seen = load.run(duration);
  into.processor.push_back((processor_us(contestant.pid) - before) / static_cast<double>(seen.calls));
  into.p50.push_back(seen.p50_us);
  into.p99.push_back(seen.p99_us);
  into.rate.push_back(seen.per_second);
  into.calls += seen.calls;
}

std::string label(const Case& one) {
  const std::string size = one.bytes >= 1U << 20   ? "1 MiB"
                           : one.bytes >= 1U << 10 ? std::to_string(one.bytes >> 10) + " KiB"
                                                   : std::to_string(one.bytes) + " B";
  return std::to_string(one.clients) + " x " + size;
}

void row(const std::string& name, const Figures& of, const Figures& bare) {
  const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
    return figure(middle(a) / middle(b)) + " F";
  };
  say("    " + name + std::string(name.size() < 18 ? 18 - name.size() : 1, ' ') + "p50 " +
      figure(middle(of.p50), 1) + " us (" + ratio(of.p50, bare.p50) + "), p99 " + figure(middle(of.p99), 1) +
      " us (" + ratio(of.p99, bare.p99) + "), " + figure(middle(of.rate), 0) + " calls/s (" +
      ratio(of.rate, bare.rate) + "), processor " + figure(middle(of.processor), 1) + " us (" +
      ratio(of.processor, bare.processor) + ")");
}

using Table = std::map<std::string, Figures>;

nlohmann::json goals_of(const Case& one, Table& table) {
  Figures &ours = table["holdfast"], &bare = table["bare HTTP echo"];
  nlohmann::json out;
  std::string text;
  const auto check = [&](const std::string& what, const Goal& goal) {
    text += (text.empty() ? "" : "; ") + what + " " + goal.text();
    out[what] = goal.json();
  };
  if (one.p50 > 0) {
    check("p50", {middle(ours.p50) / middle(bare.p50), one.p50, "F"});
    check("p99", {middle(ours.p99) / middle(bare.p99), one.p99, "F"});
    check("calls/s", {middle(ours.rate) / middle(bare.rate), 0.38, "F", 2, Goal::Side::least});
    check("processor", {middle(ours.processor) / middle(bare.processor), 2.2, "F"});
    if (one.clients == 1) check("added", {middle(ours.p50) - middle(bare.p50), 40, "us", 1});
    double best = 0;
    for (auto& [name, figures] : table)
      if (name.starts_with("supergateway") || name.starts_with("mcp-proxy"))
        best = std::max(best, middle(figures.rate));
    if (best > 0)
      check("calls/s of the best peer", {middle(ours.rate) / best, 15, "times", 1, Goal::Side::least});
  }
  if (one.bytes == 1U << 20) check("processor", {middle(ours.processor) / 1000, 4, "ms"});
  if (!text.empty()) say("    " + text);
  return out;
}

double pss_kilobytes(pid_t pid) { return static_cast<double>(os::pss_bytes(pid).value_or(0)) / kKilo; }

// Sessions beyond `sessions`, so that there are `count`; all on one server where the gateway shares it.
nlohmann::json memory(const Contestant& contestant, std::size_t have, std::size_t count, double idle) {
  const double few = pss_kilobytes(contestant.pid);
  for (std::size_t i = have; i < count; ++i) (void)open_session(contestant);
  const double many = pss_kilobytes(contestant.pid), each = (many - few) / static_cast<double>(count - have);
  const bool ours = contestant.name == "holdfast";
  const Goal at_rest{idle, 8192, "kB", 0}, session{each, 64, "kB", 1};
  say("    " + contestant.name + ": PSS before the first session " +
      (ours ? at_rest.text() : figure(idle, 0) + " kB") + ", with " + std::to_string(have) + " " +
      figure(few, 0) + " kB, with " + std::to_string(count) + " " + figure(many, 0) + " kB, a session " +
      (ours ? session.text() : figure(each, 1) + " kB"));
  nlohmann::json out{
      {"idle_kb", idle}, {"sessions", {have, count}}, {"pss_kb", {few, many}}, {"per_session_kb", each}};
  if (ours) out["goals"] = {{"idle", at_rest.json()}, {"per_session", session.json()}};
  return out;
}

}  // namespace

nlohmann::json bench_calls(std::chrono::milliseconds duration, bool with_peers) {
  test::own_all_descendants();
  const OnClientsProcessor pinned;
  std::vector<Contestant> all{bare_echo(), holdfast()};
  if (with_peers)
    for (auto& one : peers()) all.push_back(std::move(one));
  std::map<std::string, double> idle;
  std::map<std::string, std::vector<Target>> sessions;
  for (const auto& one : all) {
    idle[one.name] = pss_kilobytes(one.pid);
    for (int i = 0; i < 50; ++i) sessions[one.name].push_back(open_session(one));
  }
  nlohmann::json report{{"seconds_per_run", static_cast<double>(duration.count()) / 1000},
                        {"rounds", kRounds}};
  for (const Case& one : kCases) {
    Table table;
    for (int round = 0; round < kRounds; ++round) {
      for (const auto& contestant : all) {
        try {
          measure(contestant, sessions[contestant.name], one, duration, table[contestant.name]);
        } catch (const std::exception& error) {
          if (!contestant.sessions || contestant.name == "holdfast") throw;
          say("    " + label(one) + ": " + contestant.name + " could not be measured: " + error.what());
        }
      }
    }
    say("calls, " + label(one) + " (F: the bare HTTP echo)");
    nlohmann::json& out = report["cases"][label(one)];
    for (const auto& contestant : all) {
      const Figures& figures = table[contestant.name];
      if (figures.calls == 0) continue;
      row(contestant.name, figures, table["bare HTTP echo"]);
      out[contestant.name] = figures.json();
    }
    out["goals"] = goals_of(one, table);
  }
  say("calls, memory of the gateway alone");
  for (const auto& contestant : all) {
    if (!contestant.sessions) continue;
    const std::size_t count = contestant.with_servers ? 50 + kFewSessions : kManySessions;
    report["memory"][contestant.name] = memory(contestant, 50, count, idle[contestant.name]);
  }
  return report;
}

}  // namespace holdfast::bench
