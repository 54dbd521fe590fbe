#include "front/envelope.h"

#include "mcp/raw_json.h"
#include "mcp/splice.h"

namespace holdfast::front {

namespace {

std::string one_line(std::string_view raw) {
  std::string out(raw);
  mcp::put_on_one_line(out);
  return out;
}

Envelope::Kind kind_of(mcp::Kind kind) {
  switch (kind) {
    case mcp::Kind::request:
      return Envelope::Kind::request;
    case mcp::Kind::notification:
      return Envelope::Kind::notification;
    case mcp::Kind::response:
      return Envelope::Kind::response;
    case mcp::Kind::batch:
      return Envelope::Kind::batch;
    case mcp::Kind::invalid:
      break;
  }
  return Envelope::Kind::invalid;
}

}  // namespace

Envelope read_envelope(std::string_view text) {
  Envelope out;
  // The splicer looks only at what it needs; what is passed on to a server, perhaps a shared one, must be
  // JSON throughout.
  if (!mcp::well_formed(text)) {
    out.problem = "not JSON";
    return out;
  }
  std::string line;
  line.reserve(text.size() + mcp::kPadding);
  line = text;
  const mcp::Message message = mcp::Splicer().read(mcp::PaddedText::in(line));
  out.kind = kind_of(message.kind);
  out.problem = message.problem;
  out.method = message.method;
  out.id = message.id.of(line);
  out.params = one_line(message.params.whole.of(line));
  out.cancelled = message.params.cancelled.of(line);
  out.token = message.params.token.of(line);
  out.result = one_line(message.result.of(line));
  out.error = one_line(message.error.of(line));
  return out;
}

}  // namespace holdfast::front
