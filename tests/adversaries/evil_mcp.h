/* As much of MCP as makes an adversary a server for the gateway (its revision 2025-06-18, stdio): the
 * handshake, and two tools: `here` answers, `hang` never does. Lines come from the gateway, which writes its
 * keys in one way and its ids as numbers; anything else is passed over. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVIL_RESULT_INITIALIZE                                           \
  "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}}," \
  "\"serverInfo\":{\"name\":\"adversary\",\"version\":\"1\"}}"
#define EVIL_TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define EVIL_RESULT_LIST "{\"tools\":[" EVIL_TOOL("here") "," EVIL_TOOL("hang") "]}"
#define EVIL_RESULT_CALL "{\"content\":[{\"type\":\"text\",\"text\":\"here\"}]}"

static inline const char* evil_result(const char* line) {
  if (strstr(line, "\"method\":\"initialize\"")) return EVIL_RESULT_INITIALIZE;
  if (strstr(line, "\"method\":\"tools/list\"")) return EVIL_RESULT_LIST;
  if (strstr(line, "\"method\":\"tools/call\"")) return strstr(line, "\"hang\"") ? NULL : EVIL_RESULT_CALL;
  return strstr(line, "\"method\":\"ping\"") ? "{}" : NULL;
}

/* `line` ends with a NUL and has no newline. */
static inline void evil_answer(const char* line) {
  const char* id = strstr(line, "\"id\":");
  const char* result = evil_result(line);
  char text[1024];
  if (!id || !result) return;
  id += 5;
  int n = snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s}\n",
                   (int)strspn(id, "0123456789"), id, result);
  if (n > 0 && (size_t)n < sizeof text && write(1, text, (size_t)n) < 0) { /* nobody hears it */
  }
}

struct evil_line {
  char text[8192];
  size_t used;
};

/* Takes in what was read and answers each whole line; one that is too long is lost. */
static inline void evil_hear(struct evil_line* line, const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] == '\n') {
      line->text[line->used] = '\0';
      evil_answer(line->text);
      line->used = 0;
    } else if (line->used < sizeof line->text - 1) {
      line->text[line->used++] = bytes[i];
    }
  }
}
