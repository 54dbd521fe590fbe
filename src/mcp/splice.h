// Reads of a JSON-RPC line only what routing needs, in one pass, and writes the line that goes on by
// replacing those few spans: numbers, key order, unknown members and escapes stay the bytes that came.
//
// A member that routing reads may be there once: parsers disagree on which of two counts, and a peer must not
// be able to show us one tool's name and the server another's. Such a line is invalid. Of members that
// routing does not read, only UTF-8, the ends of strings and the balance of brackets are checked: a line that
// no reader takes for JSON may go on, but a member of the result is never taken for one of the message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mcp/raw_json.h"

namespace holdfast::mcp {

// Bytes of a line; size 0: absent.
struct Span {
  std::size_t offset = 0;
  std::size_t size = 0;
  explicit operator bool() const { return size != 0; }
  [[nodiscard]] std::string_view of(std::string_view line) const { return line.substr(offset, size); }
};

struct Params {
  Span whole;         // the object; absent also if it is null
  bool empty = true;  // has no member
  Span name;          // params.name, with its quotes (absent if it is no string)
  Span uri;           // params.uri, the same
  Span progress;      // params.progressToken: of notifications/progress
  Span cancelled;     // params.requestId: of notifications/cancelled
  Span meta;          // params._meta, an object
  bool meta_empty = true;
  Span token;  // params._meta.progressToken, any scalar
};

enum class Kind { request, notification, response, batch, invalid };

struct Message {
  Kind kind = Kind::invalid;
  std::string_view problem;  // if invalid: why, a literal
  std::string method;        // decoded
  Span id;  // a string or a number as it was written; kept even if invalid, where it was legible.
            // A response without (or with null) reports an error that has no request.
  Params params;
  Span result;
  Span error;  // an object
};

class Splicer {
 public:
  // Never fails: what is no JSON-RPC message is Kind::invalid. A batch is only recognised (see elements()).
  [[nodiscard]] Message read(PaddedText line) const;

  // The same of a params object that stands alone; offsets count from the text's first byte. Errc::invalid:
  // it is not an object, or breaks the rules above.
  [[nodiscard]] Result<Params> read_params(PaddedText object) const;
};

// A line must not contain its own end: line breaks, which in JSON are white space (a string cannot hold one),
// become spaces from byte `from` on.
void put_on_one_line(std::string& json, std::size_t from = 0);

struct Edit {
  Span where;  // size 0: insert before `offset`
  std::string_view with;
};

// The edit that gives a params object `token` (raw JSON) as its progress token, replacing or adding what is
// missing. `storage` holds the text and must live as long as the edit.
Edit set_progress_token(const Params& params, std::string_view token, std::string& storage);

}  // namespace holdfast::mcp
