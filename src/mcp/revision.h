// The protocol's revisions. Every difference between them that we act on is a column of one table, so that a
// new revision is a new row.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::mcp {

struct Revision {
  std::string_view name;          // as on the wire: "2025-11-25"
  bool batches;                   // JSON-RPC arrays must be accepted (2025-03-26 only)
  bool streamable_http;           // one endpoint, Mcp-Session-Id (since 2025-03-26)
  bool version_header;            // MCP-Protocol-Version on every request after initialize (since 2025-06-18)
  bool progress_message;          // `message` in notifications/progress (since 2025-03-26)
  bool elicitation;               // elicitation/create (since 2025-06-18)
  bool url_elicitation;           // its URL mode and error -32042 (since 2025-11-25)
  bool structured_content;        // outputSchema, structuredContent, resource_link (since 2025-06-18)
  bool tasks;                     // experimental tasks (2025-11-25)
  bool priming_event;             // a stream begins with an id and no data (since 2025-11-25)
  bool input_errors_are_results;  // bad arguments: isError instead of -32602 (since 2025-11-25)
};

// Oldest first.
std::span<const Revision> revisions();
const Revision& newest_revision();
const Revision& oldest_revision();

// The one that HTTP+SSE is of: those after it have Streamable HTTP in its place.
const Revision& http_sse_revision();

// Null: not a revision we speak.
const Revision* find_revision(std::string_view name);

// The server's side of initialize: the revision asked for if we speak it, else our newest.
const Revision& negotiate(std::string_view requested);

}  // namespace holdfast::mcp
