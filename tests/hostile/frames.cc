#include "frames.h"

namespace holdfast::test {

using Kind = Message::Kind;
using Wants = Message::Wants;

namespace {

const std::vector<std::string> kIds{"0",
                                    "-0",
                                    "1",
                                    "1.0",
                                    "-7",
                                    "1e3",
                                    "9007199254740993",
                                    "123456789012345678901234567890",
                                    R"("")",
                                    R"("0")",
                                    R"("1")",
                                    R"("a b")",
                                    R"("\u0041")",
                                    R"("hf-1")",
                                    R"("é")",
                                    R"("\"},{\"id\":1,\"x\":\"")"};
// Not ids: with each a request has none that could be answered to.
const std::vector<std::string> kWrongIds{"null", "true", "[]", "{}", "[1]"};
const std::vector<std::string> kTokens{
    "0", "7", R"("0")", R"("")", "1.50", R"("\u0041")", "123456789012345678901234567890"};

// No JSON-RPC message; {text, the id that is legible}.
struct Wrong {
  std::string text, id;
};
const std::vector<Wrong> kInvalid{
    {R"({"jsonrpc":"1.0","id":5,"method":"ping"})", ""},
    {R"({"jsonrpc":2.0,"id":5,"method":"ping"})", ""},
    {R"({"id":5,"method":"ping"})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"method":7})", "5"},
    {R"({"jsonrpc":"2.0","id":"5"})", R"("5")"},
    {R"({"jsonrpc":"2.0","id":5,"method":"ping","result":{}})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"method":"ping","params":[1]})", "5"},
    {R"({"jsonrpc":"2.0","method":"ping","params":"x","id":5})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"id":6,"method":"ping"})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"method":"ping","method":"ping"})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"method":"ping","params":{"_meta":5}})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"method":"ping","params":{"_meta":{"progressToken":[]}}})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"params":{}})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"error":"x"})", "5"},
    {R"({"jsonrpc":"2.0","id":5,"result":{},"error":{}})", "5"},
    {R"({"jsonrpc":"2.0","result":{}})", ""},
    {R"({"jsonrpc":"2.0","id":null,"result":{}})", ""},
    {"{}", ""},
    {"5", ""},
    {R"("ping")", ""},
    {"null", ""},
    {"true", ""}};
// No JSON.
const std::vector<std::string> kGarbage{
    "",
    " \n\t",
    "{",
    "}",
    "{]",
    "[",
    "[1,]",
    "nonsense",
    "{'a':1}",
    R"({"a":01})",
    R"({"a":NaN})",
    R"({"a":"\x"})",
    R"({"a":"\ud800"})",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\xff\"}",
    "\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
    R"({"jsonrpc":"2.0","id":1,"method":"ping"}})",
    R"({"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0","id":2,"method":"ping"})",
    R"({"jsonrpc":"2.0","id":1,"method":"ping")",
    std::string("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\0\"}", 39),
    std::string(100'000, '['),
    std::string(4096, '\0')};

std::string line(const std::string& id, const std::string& rest) {
  return R"({"jsonrpc":"2.0",)" + (id.empty() ? "" : R"("id":)" + id + ",") + rest + "}";
}
std::string tool(const std::string& name, const std::string& arguments, const std::string& more = "") {
  return R"("method":"tools/call","params":{"name":)" + name + R"(,"arguments":)" + arguments + more + "}";
}

std::string short_of(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 400)) {
    if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
    else
      out += "\\" + std::to_string(static_cast<int>(c));
  }
  return text.size() > 400 ? out + "… (" + std::to_string(text.size()) + " bytes)" : out;
}

}  // namespace

std::string to_string(const Frame& frame) {
  static constexpr const char* kVerbs[] = {"POST", "GET", "DELETE", "PUT", "hang up", "break connection"};
  static constexpr const char* kAccepts[] = {"", " (JSON only)", " (no Accept)", " (Accept: text/html)"};
  std::string text = kVerbs[static_cast<int>(frame.act)];
  if (frame.act == Frame::Act::hang_up) return text + " on waiting request " + std::to_string(frame.session);
  text += " /mcp/" + frame.server;
  if (frame.session >= 0) text += " session " + std::to_string(frame.session);
  if (frame.session == Frame::kUnknownSession) text += " session \"nope\"";
  text += kAccepts[static_cast<int>(frame.accept)];
  if (!frame.typed) text += " (text/plain)";
  if (!frame.version.empty()) text += " version " + frame.version;
  if (!frame.last_event.empty()) text += " after " + frame.last_event;
  if (frame.bind) text += " (bound)";
  return frame.act == Frame::Act::post ? text + " " + short_of(frame.message.text) : text;
}

// Now and then one that is in flight.
std::string Generator::id(const Stage::Seat* seat) {
  if (seat != nullptr && !seat->in_flight.empty() && once_in(5)) return one_of(seat->in_flight);
  return one_of(kIds);
}

Message Generator::initialize() {
  static const std::vector<std::string> kParams{
      R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"h"}})",
      R"({"protocolVersion":"2025-06-18","capabilities":{"sampling":{}}})",
      R"({"protocolVersion":"2025-03-26"})",
      R"({"protocolVersion":"2025-03-26","capabilities":{}})",
      R"({"protocolVersion":"2024-11-05","capabilities":[]})",
      R"({"protocolVersion":"2031-01-01","clientInfo":5})",
      R"({"protocolVersion":20250618})",
      R"({"protocolVersion":"2025-11-25","capabilities":"all","clientInfo":{"name":["x"]}})",
      "{}"};
  const std::string& params = one_of(kParams);
  std::string revision(kNewestRevision);
  for (const char* known : {"2024-11-05", "2025-03-26", "2025-06-18"})
    if (params.find("\"" + std::string(known) + "\"") != std::string::npos) revision = known;
  const std::string id = one_of(kIds);
  return {.kind = Kind::request,
          .text = line(id, R"("method":"initialize","params":)" + params),
          .id = id,
          .wants = Wants::initialize,
          .holds = revision};
}

Message Generator::request(const Stage::Seat* seat, bool in_batch) {
  Message message{.kind = Kind::request, .id = id(seat)};
  const std::string unique = "text-" + std::to_string(++texts_) + "-" + std::to_string(below(1'000'000));
  const auto as = [&](const std::string& rest) { message.text = line(message.id, rest); };
  const auto fails = [&](int code, const std::string& rest) {
    as(rest);
    message.wants = Wants::error;
    message.code = code;
  };
  switch (below(12)) {
    case 0:
      message.is_ping = true;
      as(once_in(2) ? R"("method":"ping")" : R"("method":"ping","params":null)");
      break;
    case 1:
      message.holds = "\"echo\"";
      as(R"("method":"tools/list")");
      break;
    case 2:
      fails(-32602, tool(R"("no_such_tool")", "{}"));
      break;
    case 3: {
      static const std::vector<std::string> kMethods{
          "no/such",  "", "tools/call ", "initialized", "rpc.discover", "notifications/initialized",
          R"(\u0000)"};
      fails(-32601, R"("method":")" + one_of(kMethods) + "\"");
      break;
    }
    case 4: {
      static const std::vector<std::string> kCalls{
          R"("method":"tools/call")", R"("method":"tools/call","params":{})",
          R"("method":"tools/call","params":{"name":5})",
          R"("method":"tools/call","params":{"name":"echo","arguments":[]})"};
      fails(-32602, one_of(kCalls));
      break;
    }
    case 5:
      if (!in_batch && seat != nullptr && seat->server == "own" && once_in(4)) {
        message.wants = Wants::death;
        message.code = -32603;
        as(tool(R"("die")", R"({"when":"now"})"));
        break;
      }
      [[fallthrough]];
    case 6:
      message.wants = Wants::silence;
      as(tool(R"("hang")", "{}"));
      break;
    case 7:
    case 8:
      if (!in_batch) {  // there it may be cancelled before or after it was heard
        message.holds = unique;
        message.token = one_of(kTokens);
        as(tool(R"("gather")", R"({"text":")" + unique + "\"}",
                R"(,"_meta":{"progressToken":)" + message.token + "}"));
        break;
      }
      [[fallthrough]];
    default:
      message.holds = unique;
      as(tool(R"("echo")", R"({"text":")" + unique + "\"}"));
  }
  return message;
}

Message Generator::notification(const Stage::Seat* seat) {
  Message message{.kind = Kind::notification};
  static const std::vector<std::string> kOthers{
      R"("method":"notifications/initialized")",
      R"("method":"notifications/roots/list_changed")",
      R"("method":"notifications/progress","params":{"progressToken":1,"progress":1})",
      R"("method":"notifications/no_such","params":{"a":[1,{"b":null}]})",
      R"("method":"notifications/cancelled")",
      R"("method":"notifications/cancelled","params":{})",
      R"("method":"notifications/cancelled","params":{"requestId":{"a":1}})",
      R"("method":"notifications/cancelled","params":{"requestId":null})",
      R"("method":"tools/call","params":{"name":"echo"})",
      R"("method":"initialize")",
      R"("method":"")"};
  if (once_in(2)) {
    message.cancels =
        seat != nullptr && !seat->in_flight.empty() && !once_in(4) ? one_of(seat->in_flight) : one_of(kIds);
    message.text =
        line("", R"("method":"notifications/cancelled","params":{"requestId":)" + message.cancels + "}");
  } else {
    message.text = line("", one_of(kOthers));
  }
  return message;
}

// To nobody: the gateway has asked nothing.
Message Generator::response() {
  Message message{.kind = Kind::response};
  static const std::vector<std::string> kSaid{R"("result":{})", R"("result":null)",
                                              R"("error":{"code":1,"message":"no"})"};
  if (once_in(6))
    message.text = line(once_in(2) ? "" : "null", R"("error":{"code":-32700,"message":"you make no sense"})");
  else
    message.text = line(one_of(kIds), one_of(kSaid));
  return message;
}

Message Generator::invalid() {
  if (once_in(3)) return {.kind = Kind::invalid, .text = line(one_of(kWrongIds), R"("method":"ping")")};
  const Wrong& wrong = one_of(kInvalid);
  return {.kind = Kind::invalid, .text = wrong.text, .id = wrong.id};
}

Message Generator::garbage() { return {.kind = Kind::garbage, .text = one_of(kGarbage)}; }

Message Generator::batch(const Stage::Seat* seat) {
  Message batch{.kind = Kind::batch, .text = "["};
  static const std::vector<std::size_t> kSizes{0, 1, 1, 2, 3, 4, 5, kMostRequests, kMostRequests + 1};
  Stage::Seat known = seat != nullptr ? *seat : Stage::Seat();
  for (std::size_t left = one_of(kSizes); left > 0; --left) {
    Message part;
    switch (below(8)) {
      case 0:
      case 1:
        part = notification(&known);
        break;
      case 2:
        part = once_in(3) ? initialize() : response();
        break;
      case 3:
        part = once_in(4) ? Message{.kind = Kind::invalid, .text = "[]"} : invalid();
        break;
      default:
        part = request(&known, true);
        known.in_flight.push_back(part.id);  // more likely the same again, and to be cancelled
    }
    batch.text += (batch.parts.empty() ? "" : once_in(2) ? "," : " ,\n ") + part.text;
    batch.parts.push_back(std::move(part));
  }
  batch.text += "]";
  return batch;
}

Message Generator::any(const Stage::Seat* seat) {
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
      return notification(seat);
    case 3:
      return response();
    case 4:
    case 5:
      return batch(seat);
    case 6:
      return invalid();
    case 7:
      return garbage();
    case 8:
      return initialize();
    default:
      return request(seat, false);
  }
}

Frame Generator::next(const Stage& stage) {
  Frame frame;
  frame.server = once_in(3) ? "shared" : "own";
  if (once_in(40)) frame.server = "nobody";
  // The last one opened, mostly; any other, dead or alive, now and then; none at all at first.
  if (!stage.sessions.empty())
    frame.session = static_cast<int>(once_in(4) ? below(stage.sessions.size()) : stage.sessions.size() - 1);
  const auto* seat = frame.session >= 0 ? &stage.sessions[static_cast<std::size_t>(frame.session)] : nullptr;
  if (seat != nullptr && !once_in(30)) frame.server = seat->server;
  if (once_in(25)) frame.session = once_in(2) ? Frame::kNoSession : Frame::kUnknownSession;
  if (once_in(4)) frame.accept = static_cast<Frame::Accept>(below(4));
  if (once_in(40)) frame.typed = false;
  if (once_in(6)) frame.version = once_in(4) ? "1999-01-01" : "2025-06-18";
  const auto kind = below(24);
  if (seat == nullptr || !seat->open ? kind < 14 : kind == 0) {
    frame.message = initialize();
    frame.session = once_in(8) ? frame.session : Frame::kNoSession;
    frame.bind = once_in(3);
  } else if (kind == 14 && stage.waiting > 0) {
    frame.act = Frame::Act::hang_up;
    frame.session = static_cast<int>(below(stage.waiting));
  } else if (kind == 15) {
    frame.act = once_in(3) ? Frame::Act::put : Frame::Act::listen;
    if (once_in(4)) frame.last_event = once_in(2) ? "nonsense" : "77-1";
  } else if (kind == 16 && once_in(3)) {
    frame.act = Frame::Act::end;
  } else if (kind == 17 && frame.session >= 0 && seat->bound) {
    frame.act = Frame::Act::break_connection;
  } else {
    frame.message = any(seat);
  }
  return frame;
}

}  // namespace holdfast::test
