// An MCP server over stdio that is served well and does badly when it is asked to: it floods both of its
// outputs while it answers, holds answers back until many can be mixed up, and dies at the moment that a test
// names. It knows nothing of Holdfast's sources, and ends by itself after 120 s without input.
//
//   hostile_server [--die PHASE --once FILE]
//
// PHASE: start, initialize, initialized, list, eof. It dies by abort(3), unless FILE is there; it makes it.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using json = nlohmann::json;

constexpr int kNoInputMs = 120'000;
constexpr int kPiece = 64;                      // messages of a storm between two looks at the input
constexpr std::size_t kFloodPiece = 64U << 10;  // bytes of a flood, likewise

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::_Exit(0);  // nobody reads any more
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

struct Death {
  std::string phase, once;
};

class Server {
 public:
  explicit Server(Death death) : death_(std::move(death)) {}

  int run() {
    die_if("start");
    for (;;) {
      ::alarm(kNoInputMs / 1000 + 5);  // ends us even in a write that nobody reads
      const bool busy = storm_ > 0 || flood_ > 0;
      pollfd in{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&in, 1, busy ? 0 : kNoInputMs);
      if (ready == 0 && !busy) return 0;
      if (ready > 0 && !read_some()) break;
      if (storm_ > 0) storm();
      if (flood_ > 0) flood();
    }
    die_if("eof");
    return 0;
  }

 private:
  void die_if(std::string_view phase) const {
    if (death_.phase != phase || std::ifstream(death_.once)) return;
    std::ofstream(death_.once) << phase;
    std::abort();
  }

  bool read_some() {
    char chunk[65536];
    const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0) return errno == EINTR;
    if (n == 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end; (end = buffer_.find('\n', begin)) != std::string::npos; begin = end + 1)
      line(std::string_view(buffer_).substr(begin, end - begin));
    buffer_.erase(0, begin);
    return true;
  }

  void line(std::string_view text) {
    const json message = json::parse(text, nullptr, false);
    if (!message.is_object() || !message.contains("method")) return;
    const std::string method = message["method"];
    const json params = message.value("params", json::object());
    if (!message.contains("id")) return notified(method, params);
    const json& id = message["id"];
    if (method == "initialize") return initialize(id, params);
    if (method == "tools/list") {
      die_if("list");
      return result(id, {{"tools", {{{"name", "echo"}, {"inputSchema", {{"type", "object"}}}}}}});
    }
    if (method == "tools/call") return tool(id, params);
    if (method == "ping" || method == "resources/subscribe" || method == "logging/setLevel")
      return result(id, json::object());
    error(id, -32601, "Method not found: " + method);
  }

  void notified(const std::string& method, const json& params) {
    if (method == "notifications/initialized") die_if("initialized");
    if (method == "notifications/cancelled")
      std::erase_if(gathered_,
                    [&](const Call& call) { return call.id == params.value("requestId", json()); });
  }

  void initialize(const json& id, const json& params) {
    die_if("initialize");
    result(id, {{"protocolVersion", params.value("protocolVersion", "2025-11-25")},
                {"capabilities",
                 {{"tools", {{"listChanged", true}}},
                  {"logging", json::object()},
                  {"resources", {{"subscribe", true}}}}},
                {"serverInfo", {{"name", "hostile"}, {"version", "1.0"}}}});
  }

  void tool(const json& id, const json& params) {
    try {
      call(id, params);
    } catch (const json::exception& wrong_type) {
      error(id, -32602, wrong_type.what());
    }
  }

  void call(const json& id, const json& params) {
    const std::string name = params.value("name", "");
    const json arguments = params.value("arguments", json::object());
    const std::string text = arguments.value("text", "");
    if (name == "echo")
      said(id, text);
    else if (name == "pid")
      said(id, std::to_string(::getpid()));
    else if (name == "hang")
      return;
    else if (name == "gather")
      gather({id, params.value("_meta", json::object()).value("progressToken", json()), text},
             arguments.value("of", 1U));
    else if (name == "storm") {
      storm_ = arguments.value("times", 1L);
      padding_.assign(arguments.value("bytes", 0U), 'x');
      said(id, "storming");
    } else if (name == "flood") {
      flood_ = arguments.value("mib", 1L) * ((1L << 20) / static_cast<long>(kFloodPiece));
      said(id, "flooding");
    } else if (name == "left")
      said(id, std::to_string(storm_ + flood_));
    else if (name == "die")
      die(id, arguments.value("when", ""));
    else
      error(id, -32602, "Unknown tool: " + name);
  }

  // Holds the calls back until there are `most`; then each hears its own text as progress, and afterwards
  // gets it for an answer, the last first.
  struct Call {
    json id, token;
    std::string text;
  };
  void gather(Call call, std::size_t most) {
    gathered_.push_back(std::move(call));
    if (gathered_.size() < most) return;
    const auto all = std::exchange(gathered_, {});
    for (auto one = all.rbegin(); one != all.rend(); ++one)
      if (!one->token.is_null())
        notify("notifications/progress",
               {{"progressToken", one->token}, {"progress", 1}, {"message", one->text}});
    for (auto one = all.rbegin(); one != all.rend(); ++one) said(one->id, one->text);
  }

  // One piece of what is left to be said of changes, of the log and of a resource.
  void storm() {
    for (int i = 0; i < kPiece && storm_ > 0; ++i, --storm_) {
      notify("notifications/tools/list_changed", json());
      notify("notifications/message", {{"level", "info"}, {"data", padding_}});
      notify("notifications/resources/updated", {{"uri", "test://x"}, {"padding", padding_}});
    }
  }
  void flood() {
    std::string piece(kFloodPiece, 'e');
    for (std::size_t end = 127; end < piece.size(); end += 128) piece[end] = '\n';
    write_all(STDERR_FILENO, piece);
    --flood_;
  }

  [[noreturn]] void die(const json& id, const std::string& when) {
    json answer = {{"jsonrpc", "2.0"}, {"id", id}, {"result", json::object()}};
    if (when == "half") write_all(STDOUT_FILENO, answer.dump().substr(0, 20));
    if (when == "after") result(id, {{"content", {{{"type", "text"}, {"text", "last words"}}}}});
    std::abort();
  }

  void said(const json& id, const std::string& text) {
    result(id, {{"content", {{{"type", "text"}, {"text", text}}}}});
  }
  void result(const json& id, const json& value) { send({{"id", id}, {"result", value}}); }
  void error(const json& id, int code, const std::string& message) {
    send({{"id", id}, {"error", {{"code", code}, {"message", message}}}});
  }
  void notify(const char* method, const json& params) {
    json note = {{"method", method}};
    if (!params.is_null()) note["params"] = params;
    send(std::move(note));
  }
  void send(json message) {
    message["jsonrpc"] = "2.0";
    write_all(STDOUT_FILENO, message.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  }

  const Death death_;
  std::string buffer_, padding_;
  std::vector<Call> gathered_;
  long storm_ = 0, flood_ = 0;  // rounds and pieces that are left
};

}  // namespace

int main(int argc, char** argv) {
  Death death;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--die") death.phase = argv[i + 1];
    if (flag == "--once") death.once = argv[i + 1];
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return Server(std::move(death)).run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hostile_server: %s\n", e.what());
    return 1;
  }
}
