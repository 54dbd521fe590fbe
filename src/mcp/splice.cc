#include "mcp/splice.h"

#include <simdjson.h>

#include <memory>
#include <utility>

#include "mcp/raw_value.h"

namespace holdfast::mcp {
namespace {

namespace ondemand = simdjson::ondemand;

// Member names are few and short; a table would hide the rules.
enum class Key { jsonrpc, id, method, params, result, error, other };
Key top_key(std::string_view name) {
  if (name == "jsonrpc") return Key::jsonrpc;
  if (name == "id") return Key::id;
  if (name == "method") return Key::method;
  if (name == "params") return Key::params;
  if (name == "result") return Key::result;
  if (name == "error") return Key::error;
  return Key::other;
}

bool is_scalar(std::string_view raw) { return raw.front() != '{' && raw.front() != '['; }
bool is_string(std::string_view raw) { return raw.front() == '"'; }
bool is_id(std::string_view raw) {
  return is_string(raw) || raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9');
}

// One reading of one line. Every function returns false when the line is invalid, with `problem` set.
class Reading {
 public:
  Reading(std::string_view text, Message& into) : text_(text), m_(into) {}

  bool document(ondemand::document& document) {
    ondemand::object object;
    if (document.get_object().get(object)) return no("not a JSON object");
    for (auto next : object) {
      ondemand::field field;
      std::string_view key;
      if (std::move(next).get(field) || field.unescaped_key().get(key)) return no("malformed JSON");
      if (!top(top_key(key), field.value())) return false;
    }
    return ended(document) || no("malformed JSON");
  }

  bool params_alone(ondemand::document& document) {
    ondemand::object object;
    if (document.get_object().get(object)) return no("params is not an object");
    const std::size_t first = text_.find('{');
    m_.params.whole = {first, without_space(text_).size() - first};
    if (!params(object)) return false;
    return ended(document) || no("malformed JSON");
  }

  bool classify() {
    if (!jsonrpc_) return no("jsonrpc is missing");
    if (wrong_params_) return no("params is not an object");
    if (has_method_) {
      if (m_.result || m_.error) return no("both a request and a response");
      if (null_id_) return no("the id of a request is null");
      m_.kind = m_.id ? Kind::request : Kind::notification;
      return true;
    }
    if (m_.params.whole) return no("params without a method");
    if (static_cast<bool>(m_.result) == static_cast<bool>(m_.error))
      return no("neither request nor response");
    if (m_.result && !m_.id) return no("a result without an id");
    m_.kind = Kind::response;
    return true;
  }

 private:
  bool no(std::string_view why) {
    m_.problem = why;
    m_.kind = Kind::invalid;
    return false;
  }
  Span span(std::string_view raw) const {
    return {static_cast<std::size_t>(raw.data() - text_.data()), raw.size()};
  }

  bool passed(ondemand::value value) { return may_pass(value) || no("malformed JSON"); }

  // Reads a value that may stand only once.
  bool once(Span& into, ondemand::value value, std::string_view& raw) {
    if (into) return no("a member stands twice");
    raw = without_space(value.raw_json_token());
    if (raw.empty()) return no("malformed JSON");
    if (is_string(raw)) {
      std::string_view decoded;  // escapes are checked by decoding them
      if (value.get_string().get(decoded)) return no("malformed string");
    } else {
      raw = raw_value(value);
      if (raw.empty()) return no("malformed JSON");
    }
    into = span(raw);
    return true;
  }

  bool top(Key key, ondemand::value value) {
    std::string_view raw;
    switch (key) {
      case Key::jsonrpc: {
        std::string_view version;
        if (jsonrpc_) return no("a member stands twice");
        if (value.get_string().get(version) || version != "2.0") return no("jsonrpc is not \"2.0\"");
        return jsonrpc_ = true;
      }
      case Key::id:
        if (null_id_) return no("a member stands twice");
        if (!once(m_.id, value, raw)) return false;
        if (is_id(raw)) return true;
        m_.id = {};
        null_id_ = raw == "null";
        return null_id_ || no("the id is neither string nor number");
      case Key::method: {
        std::string_view name;
        if (has_method_) return no("a member stands twice");
        if (value.get_string().get(name)) return no("method is not a string");
        m_.method = name;
        return has_method_ = true;
      }
      case Key::params:
        return params_member(value);
      case Key::result:
        return once(m_.result, value, raw);
      case Key::error:
        if (!once(m_.error, value, raw)) return false;
        return raw.front() == '{' || no("error is not an object");
      case Key::other:
        return passed(value);
    }
    return true;
  }

  bool params_member(ondemand::value value) {
    if (seen_params_) return no("a member stands twice");
    seen_params_ = true;
    const std::string_view token = without_space(value.raw_json_token());
    if (token == "null") return true;
    if (token.empty() || token.front() != '{') {
      wrong_params_ = true;  // read on: an id behind it lets the sender be answered
      return passed(value);
    }
    ondemand::object object;
    if (value.get_object().get(object)) return no("malformed JSON");
    return object_span(token, object, m_.params.whole, [this](auto& o) { return params(o); });
  }

  // Walks `object` with `walk`; its span ends where the reader stands afterwards.
  bool object_span(std::string_view first, ondemand::object& object, Span& into, auto walk) {
    const char* const begin = first.data();
    if (!walk(object)) return false;
    const char* end = nullptr;
    if (location(end)) return no("malformed JSON");
    const auto raw = without_space({begin, static_cast<std::size_t>(end - begin)});
    if (raw.back() != '}') return no("malformed JSON");
    into = span(raw);
    return true;
  }

  bool location(const char*& at) { return current_->current_location().get(at) != simdjson::SUCCESS; }

  bool params(ondemand::object& object) {
    std::string_view raw;
    bool seen_name = false;
    bool seen_uri = false;
    for (auto next : object) {
      ondemand::field field;
      std::string_view key;
      if (std::move(next).get(field) || field.unescaped_key().get(key)) return no("malformed JSON");
      m_.params.empty = false;
      if (key == "name") {
        if (std::exchange(seen_name, true)) return no("a member stands twice");
        if (!once(m_.params.name, field.value(), raw)) return false;
        if (!is_string(raw)) m_.params.name = {};
      } else if (key == "uri") {
        if (std::exchange(seen_uri, true)) return no("a member stands twice");
        if (!once(m_.params.uri, field.value(), raw)) return false;
        if (!is_string(raw)) m_.params.uri = {};
      } else if (key == "progressToken") {
        if (!once(m_.params.progress, field.value(), raw)) return false;
      } else if (key == "requestId") {
        if (!once(m_.params.cancelled, field.value(), raw)) return false;
      } else if (key == "_meta") {
        if (m_.params.meta) return no("a member stands twice");
        ondemand::value value = field.value();
        const std::string_view token = without_space(value.raw_json_token());
        ondemand::object meta_object;
        if (value.get_object().get(meta_object)) return no("_meta is not an object");
        if (!object_span(token, meta_object, m_.params.meta, [this](auto& o) { return meta(o); }))
          return false;
      } else if (!passed(field.value())) {
        return false;
      }
    }
    return true;
  }

  bool meta(ondemand::object& object) {
    std::string_view raw;
    for (auto next : object) {
      ondemand::field field;
      std::string_view key;
      if (std::move(next).get(field) || field.unescaped_key().get(key)) return no("malformed JSON");
      m_.params.meta_empty = false;
      if (key != "progressToken") {
        if (!passed(field.value())) return false;
        continue;
      }
      if (!once(m_.params.token, field.value(), raw)) return false;
      if (!is_scalar(raw)) return no("a progress token is neither string nor number");
    }
    return true;
  }

 public:
  ondemand::document* current_ = nullptr;

 private:
  std::string_view text_;
  Message& m_;
  bool jsonrpc_ = false;
  bool has_method_ = false;
  bool null_id_ = false;
  bool seen_params_ = false;
  bool wrong_params_ = false;
};

// The parser's memory is several times the longest line it has seen, and nothing that we return points into
// it: so all readers of a thread share one, and a long line's is given back.
constexpr std::size_t kKeptCapacity = 256U << 10;

class SharedParser {
 public:
  SharedParser() {
    if (!parser()) parser() = std::make_unique<ondemand::parser>();
  }
  ~SharedParser() {
    if (parser()->capacity() > kKeptCapacity) parser().reset();
  }
  SharedParser(const SharedParser&) = delete;
  SharedParser& operator=(const SharedParser&) = delete;
  [[nodiscard]] bool iterate(std::string_view text, ondemand::document& into) {
    return !parser()->iterate(text.data(), text.size(), text.size() + kPadding).get(into);
  }

 private:
  static std::unique_ptr<ondemand::parser>& parser() {
    static thread_local std::unique_ptr<ondemand::parser> mine;
    return mine;
  }
};

}  // namespace

Message Splicer::read(PaddedText line) const {
  Message message;
  const std::string_view text = line.view();
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    message.problem = "empty";
    return message;
  }
  if (text[first] == '[') {
    message.kind = Kind::batch;
    return message;
  }
  SharedParser parser;
  ondemand::document document;
  if (!parser.iterate(text, document)) {
    message.problem = "malformed JSON";
    return message;
  }
  Reading reading(text, message);
  reading.current_ = &document;
  if (reading.document(document)) reading.classify();
  return message;
}

Result<Params> Splicer::read_params(PaddedText object) const {
  Message message;
  const std::string_view text = object.view();
  SharedParser parser;
  ondemand::document document;
  if (!parser.iterate(text, document)) return fail(Errc::invalid, "params", "malformed JSON");
  Reading reading(text, message);
  reading.current_ = &document;
  if (!reading.params_alone(document)) return fail(Errc::invalid, "params", message.problem);
  return message.params;
}

void put_on_one_line(std::string& json, std::size_t from) {
  // Nearly always there is none, and a search costs a tenth of a replacement.
  for (const char end : {'\n', '\r'}) {
    for (auto at = json.find(end, from); at != std::string::npos; at = json.find(end, at)) json[at] = ' ';
  }
}

Edit set_progress_token(const Params& params, std::string_view token, std::string& storage) {
  storage.clear();
  if (params.token) {
    storage.append(token);
    return {params.token, storage};
  }
  const bool in_meta = static_cast<bool>(params.meta);
  storage.append(in_meta ? R"("progressToken":)" : R"("_meta":{"progressToken":)").append(token);
  if (!in_meta) storage.push_back('}');
  if (in_meta ? !params.meta_empty : !params.empty) storage.push_back(',');
  const Span& object = in_meta ? params.meta : params.whole;
  return {{object.offset + 1, 0}, storage};
}

}  // namespace holdfast::mcp
