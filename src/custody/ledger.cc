#include "custody/ledger.h"

#include <sys/stat.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>

#include "base/mutant.h"
#include "os/text_file.h"

namespace holdfast::custody {

namespace {

constexpr std::string_view kHeader = "holdfast-ledger 1";
constexpr std::string_view kEnd = "end";
constexpr std::size_t kLongestFile = 64 * 1024;
// What a configuration can ask for at most (base/duration.h): a start waits for what the entries say.
constexpr milliseconds kLongestWait = std::chrono::days(3650);

// Names come from people: what would break the line is written as %XX.
std::string escape(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '%') {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

bool unescape(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return false;
    const auto [end, ec] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (ec != std::errc() || end != text.data() + i + 3) return false;
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

std::string encode_identity(const Identity& who) {
  return std::to_string(who.pid) + ' ' + std::to_string(who.start_ticks) + ' ' + std::to_string(who.handle);
}

template <class N>
bool number(std::string_view text, N& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool decode_identity(std::string_view text, Identity& out) {
  const auto first = text.find(' ');
  const auto second = first == text.npos ? text.npos : text.find(' ', first + 1);
  if (second == text.npos) return false;
  return number(text.substr(0, first), out.pid) &&
         number(text.substr(first + 1, second - first - 1), out.start_ticks) &&
         number(text.substr(second + 1), out.handle) && out.pid >= 0;
}

using Lines = std::map<std::string_view, std::string_view, std::less<>>;

// The lines between header and end. Whatever was cut off has lost its end.
Result<Lines> split(std::string_view text) {
  Lines lines;
  bool first = true;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    if (newline == text.npos) return fail(Errc::invalid, "ledger", "torn");
    const auto line = text.substr(0, newline);
    text.remove_prefix(newline + 1);
    if (first) {
      if (line != kHeader) return fail(Errc::invalid, "ledger", "not a ledger entry of this version");
      first = false;
    } else if (line == kEnd) {
      if (!text.empty()) return fail(Errc::invalid, "ledger", "text after its end");
      return lines;
    } else {
      const auto equals = line.find('=');
      if (equals == line.npos) return fail(Errc::invalid, "ledger", "a line without =");
      if (!lines.emplace(line.substr(0, equals), line.substr(equals + 1)).second)
        return fail(Errc::invalid, "ledger", "a key twice");
    }
  }
  return fail(Errc::invalid, "ledger", "torn");
}

bool plain_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == id.npos;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code ec;
  const bool file_there =
      std::filesystem::is_regular_file(path, ec);  // opening a FIFO would wait for a writer
  if (ec) return sys_error("stat", path.native(), ec.value());
  if (!file_there) return fail(Errc::invalid, "ledger", "not a file");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return sys_error("open", path.native());
  std::string text(kLongestFile + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return sys_error("read", path.native());
  if (text.size() > kLongestFile) return fail(Errc::invalid, "ledger", "far too long");
  return text;
}

}  // namespace

std::string encode(const LedgerEntry& entry) {
  std::string text(kHeader);
  text += '\n';
  const auto line = [&text](std::string_view key, std::string_view value) {
    text.append(key).append("=").append(value).append("\n");
  };
  line("id", entry.id);
  line("name", escape(entry.name));
  line("boot", entry.boot_id);
  line("gateway_id", entry.gateway_id);
  line("generation", entry.generation);
  line("gateway", encode_identity(entry.gateway));
  line("leaf", escape(entry.leaf));
  line("tag", entry.tag);
  line("uid", std::to_string(entry.uid));
  line("lost_ms", std::to_string(entry.lost.count()));
  line("patience_ms", std::to_string(entry.patience.count()));
  if (entry.identified()) {
    line("keeper", encode_identity(entry.keeper));
    line("leader", encode_identity(entry.leader));
    line("leaf_id", std::to_string(entry.leaf_id));
    line("session", std::to_string(entry.session));
  }
  return text.append(kEnd).append("\n");
}

Result<LedgerEntry> decode(std::string_view text) {
  if (text.find('\0') != text.npos) return fail(Errc::invalid, "ledger", "not text");
  auto lines = split(text);
  if (!lines) return forward(lines);
  LedgerEntry entry;
  std::string_view wrong;
  const auto with = [&](std::string_view key, auto&& take) {
    const auto it = lines->find(key);
    if (it == lines->end() || !take(it->second))
      if (wrong.empty()) wrong = key;
  };
  const auto into = [](std::string& target) {
    return [&target](std::string_view v) { return target = v, true; };
  };
  const auto unescaped = [](std::string& target) {
    return [&target](std::string_view v) { return unescape(v, target); };
  };
  const auto identity = [](Identity& target) {
    return [&target](std::string_view v) { return decode_identity(v, target); };
  };
  const auto numeric = [](auto& target) {
    return [&target](std::string_view v) { return number(v, target); };
  };
  const auto duration = [](milliseconds& target) {
    return [&target](std::string_view v) {
      milliseconds::rep count = 0;
      const bool good = number(v, count) && count >= 0 && count <= kLongestWait.count();
      return target = milliseconds(count), good;
    };
  };
  with("id", [&](std::string_view v) { return entry.id = v, plain_id(v); });
  with("name", unescaped(entry.name));
  with("boot", into(entry.boot_id));
  with("gateway_id", into(entry.gateway_id));
  with("generation", into(entry.generation));
  with("gateway", identity(entry.gateway));
  with("leaf", [&](std::string_view v) {
    return unescape(v, entry.leaf) && (entry.leaf.empty() || entry.leaf.front() == '/');
  });
  // By its tag a process is proven ours and killed: it may name this tree and nothing else.
  with("tag", [&](std::string_view v) { return entry.tag = v, v == entry.gateway_id + '/' + entry.id; });
  with("uid", numeric(entry.uid));
  with("lost_ms", duration(entry.lost));
  with("patience_ms", duration(entry.patience));
  if (lines->contains("keeper")) {
    with("keeper",
         [&](std::string_view v) { return decode_identity(v, entry.keeper) && entry.identified(); });
    with("leader", identity(entry.leader));
    with("leaf_id", numeric(entry.leaf_id));
    with("session", numeric(entry.session));
  }
  if (!wrong.empty()) return fail(Errc::invalid, "ledger", std::string(wrong) + " is missing or wrong");
  return entry;
}

Result<Ledger> Ledger::open(std::filesystem::path directory) {
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec) return sys_error("mkdir", directory.native(), ec.value());
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ec);
  return Ledger(std::move(directory));
}

Result<void> Ledger::write(const LedgerEntry& entry) const {
  if (kSwitchedOff == Mechanism::ledger) return {};
  const auto temporary = directory_ / (entry.id + ".tmp");
  auto done = os::write_file(temporary, encode(entry));
  std::error_code ec;
  if (done) {
    std::filesystem::rename(temporary, directory_ / entry.id, ec);
    if (!ec) return {};
    done = sys_error("rename", temporary.native(), ec.value());
  }
  std::filesystem::remove(temporary, ec);
  return done;
}

Result<void> Ledger::remove(std::string_view id) const {
  std::error_code ec;
  std::filesystem::remove(directory_ / id, ec);
  if (ec) return sys_error("unlink", std::string(id), ec.value());
  return {};
}

std::optional<std::string> Ledger::owner() const {
  std::optional<std::string> owner;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(directory_, ec), end; !ec && it != end; it.increment(ec)) {
    const auto text = read_file(it->path());
    const auto entry = text ? decode(*text) : std::unexpected(text.error());
    if (!entry || entry->id != it->path().filename().native()) continue;
    if (owner && *owner != entry->gateway_id) return std::nullopt;
    owner = entry->gateway_id;
  }
  return owner;
}

Result<Ledger::Contents> Ledger::load() const {
  Contents contents;
  std::error_code ec;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator it(directory_, ec), end; !ec && it != end; it.increment(ec))
    files.push_back(it->path());
  if (ec) return sys_error("readdir", directory_.native(), ec.value());
  for (const auto& path : files) {
    const auto extension = path.extension();
    if (extension == ".bad") continue;
    if (extension ==
        ".tmp") {  // what it would have said had not been acted upon, or its intent stands beside it
      std::filesystem::remove(path, ec);
      continue;
    }
    auto text = read_file(path);
    if (!text && !text.error().is(Errc::invalid)) {  // it may be a good one
      contents.unread.push_back(path.filename().native() + ": " + text.error().code.message());
      continue;
    }
    auto entry = text ? decode(*text) : forward(text);
    if (entry && entry->id != path.filename().native())
      entry = fail(Errc::invalid, "ledger", "the entry of another tree");
    if (entry) {
      contents.entries.push_back(*std::move(entry));
      continue;
    }
    auto aside = path;
    aside += ".bad";
    std::filesystem::rename(path, aside, ec);
    contents.garbage.push_back(path.filename().native() + ": " + std::string(entry.error().subject.view()));
  }
  return contents;
}

}  // namespace holdfast::custody
