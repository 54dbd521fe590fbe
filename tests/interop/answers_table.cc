// The table of the real servers, and what each can be asked where there is neither network nor browser. What
// needs one is asked all the same, for how the server says that it has none: a browser that is not there, a
// closed port.
#include <fstream>
#include <stdexcept>

#include "answers.h"

namespace holdfast::test {
namespace {

using std::filesystem::path;
using namespace std::chrono_literals;

Request call(const std::string& tool, const std::string& arguments, std::string unlike = {}) {
  return {"tools/call", R"({"name":")" + tool + R"(","arguments":)" + arguments + "}", std::move(unlike)};
}

void write(const path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

const RealServer kEverything{
    .name = "everything",
    .program = "mcp-server-everything",
    .requests =
        {
            call("echo", R"({"message":"hold \"fast\" \u2603 \ud83d\ude00"})"),
            call("echo", R"({"message":7})"),
            call("get-annotated-message", R"({"messageType":"error","includeImage":true})"),
            call("get-resource-links", R"({"count":3})"),
            call("get-resource-reference", R"({"resourceType":"Text","resourceId":2})",
                 R"(\d+:\d+:\d+( [AP]M)?)"),
            call("get-resource-reference", R"({"resourceType":"Blob","resourceId":2})",
                 R"("blob":"[^"]*")"),  // the same text with its time in base64
            call("get-structured-content", R"({"location":"Chicago"})"),
            call("get-sum", R"({"a":0.1,"b":1e21})"),
            {"tools/call", R"({"name":"get-tiny-image"})"},
            call("gzip-file-as-resource",
                 R"({"name":"a.gz","data":"data:text/plain,kelp","outputType":"resource"})"),
            call("toggle-simulated-logging", "{}"),
            call("toggle-simulated-logging", "{}"),
            call("toggle-subscriber-updates", "{}"),
            call("toggle-subscriber-updates", "{}"),
            call("trigger-long-running-operation", R"({"duration":0.2,"steps":2})"),
            call("simulate-research-query", R"({"topic":"kelp"})"),
            call("no-such-tool", "{}"),
            {"prompts/get", R"({"name":"simple-prompt"})"},
            {"prompts/get", R"({"name":"args-prompt","arguments":{"city":"Brest"}})"},
            {"prompts/get",
             R"({"name":"resource-prompt","arguments":{"resourceType":"Text","resourceId":"1"}})",
             R"(\d+:\d+:\d+( [AP]M)?)"},
            {"resources/read", R"({"uri":"demo://resource/static/document/features.md"})"},
            {"resources/read", R"({"uri":"demo://resource/dynamic/text/3"})", R"(\d+:\d+:\d+( [AP]M)?)"},
            {"resources/read", R"({"uri":"demo://resource/nowhere"})"},
            {"completion/complete",
             R"({"ref":{"type":"ref/prompt","name":"completable-prompt"},"argument":{"name":"department","value":"E"}})"},
        },
    // The first has another environment behind a gateway; what the client answers, and tasks with names of
    // their own, are for other tests.
    .unserved = {"get-env", "get-roots-list", "simulate-research-query", "trigger-elicitation-request",
                 "trigger-sampling-request", "trigger-url-elicitation"},
};

const RealServer kFilesystem{
    .name = "files",
    .program = "mcp-server-filesystem",
    .arguments = {"$HOME"},
    .furnish =
        [](const path& home) {
          write(home / "hello.txt", "hello from the file\nits second line \xe2\x98\x83\nits third\n");
          write(home / "dot.png", "\x89PNG\r\n\x1a\n, or so it says");
          write(home / "sub/deep/er.txt", "deep\n");
          std::filesystem::last_write_time(
              home / "hello.txt", std::chrono::file_clock::from_sys(
                                      std::chrono::sys_seconds{std::chrono::sys_days{2026y / 1 / 2}}));
        },
    .requests =
        {
            call("read_file", R"({"path":"$HOME/hello.txt"})"),
            call("read_text_file", R"({"path":"$HOME/hello.txt","head":1})"),
            call("read_text_file", R"({"path":"$HOME/hello.txt","tail":2})"),
            call("read_text_file", R"({"path":"$HOME/nowhere.txt"})"),
            call("read_text_file", R"({"path":"/etc/hostname"})"),
            call("read_media_file", R"({"path":"$HOME/dot.png"})"),
            call("read_multiple_files",
                 R"({"paths":["$HOME/hello.txt","$HOME/nowhere","$HOME/sub/deep/er.txt"]})"),
            call("write_file", R"({"path":"$HOME/new.txt","content":"one\ntwo\nthree\n"})"),
            call("edit_file",
                 R"({"path":"$HOME/new.txt","dryRun":true,"edits":[{"oldText":"two","newText":"2"}]})"),
            call("edit_file", R"({"path":"$HOME/new.txt","edits":[{"oldText":"two","newText":"2"}]})"),
            call("edit_file", R"({"path":"$HOME/new.txt","edits":[{"oldText":"two","newText":"2"}]})"),
            call("create_directory", R"({"path":"$HOME/sub/more/still"})"),
            call("move_file", R"({"source":"$HOME/new.txt","destination":"$HOME/sub/more/moved.txt"})"),
            call("list_directory", R"({"path":"$HOME/sub"})"),
            call("list_directory_with_sizes", R"({"path":"$HOME","sortBy":"size"})"),
            call("directory_tree", R"({"path":"$HOME","excludePatterns":["deep"]})"),
            call("search_files", R"({"path":"$HOME","pattern":"**/*.txt"})"),
            call("get_file_info", R"({"path":"$HOME/hello.txt"})", R"((created|accessed): [^\\]*)"),
            call("list_allowed_directories", "{}"),
        },
};

const RealServer kMemory{
    .name = "memory",
    .program = "mcp-server-memory",
    .environment = {{"MEMORY_FILE_PATH", "$HOME/memory.jsonl"}},
    .requests =
        {
            call("read_graph", "{}"),
            call("create_entities",
                 R"({"entities":[{"name":"kelp","entityType":"alga","observations":["grips","is \u2603"]},)"
                 R"({"name":"rock","entityType":"stone","observations":[]}]})"),
            call("create_relations", R"({"relations":[{"from":"kelp","to":"rock","relationType":"holds"}]})"),
            call("add_observations",
                 R"({"observations":[{"entityName":"rock","contents":["is hard","is old"]}]})"),
            call("add_observations", R"({"observations":[{"entityName":"sand","contents":["drifts"]}]})"),
            call("search_nodes", R"({"query":"hard"})"),
            call("open_nodes", R"({"names":["kelp","sand"]})"),
            {"resources/read", R"({"uri":"memory://knowledge-graph"})"},
            call("delete_observations", R"({"deletions":[{"entityName":"rock","observations":["is old"]}]})"),
            call("delete_relations", R"({"relations":[{"from":"kelp","to":"rock","relationType":"holds"}]})"),
            call("delete_entities", R"({"entityNames":["kelp"]})"),
            call("read_graph", "{}"),
        },
};

const RealServer kThinking{
    .name = "thinking",
    .program = "mcp-server-sequential-thinking",
    .requests =
        {
            call("sequentialthinking",
                 R"({"thought":"who holds?","thoughtNumber":1,"totalThoughts":2,"nextThoughtNeeded":true})"),
            call(
                "sequentialthinking",
                R"({"thought":"kelp","thoughtNumber":2,"totalThoughts":2,"nextThoughtNeeded":true,"branchFromThought":1,"branchId":"b"})"),
            call(
                "sequentialthinking",
                R"({"thought":"the holdfast","thoughtNumber":3,"totalThoughts":2,"nextThoughtNeeded":false,"isRevision":true,"revisesThought":2})"),
            call("sequentialthinking", R"({"thought":7})"),
        },
};

const RealServer kDevtools{
    .name = "devtools",
    .program = "chrome-devtools-mcp",
    .arguments = {"--headless", "--isolated", "--no-usage-statistics", "--executablePath",
                  "$HOME/no-browser"},
    .requests = {call("click", R"({"pageId":1,"uid":"1_1"})"), call("new_page", R"({"url":"about:blank"})")},
    .unserved = {"*"},
};

const RealServer kPlaywright{
    .name = "playwright",
    .program = "playwright-mcp",
    .arguments = {"--headless", "--executable-path", "$HOME/no-browser"},
    .requests = {call("browser_navigate", R"({"url":"about:blank"})"),
                 call("browser_tabs", R"({"action":"list"})")},
    .unserved = {"*"},
};

const RealServer kContext7{
    .name = "context7",
    .program = "context7-mcp",
    .environment = {{"CONTEXT7_API_URL", "http://127.0.0.1:1/api"}},
    .requests = {call("resolve-library-id", R"({"query":"how to hold","libraryName":"kelp"})"),
                 call("query-docs", R"({"libraryId":"/kelp/rock","query":"how to hold"})"),
                 call("query-docs", R"({"query":7})")},
};

// Whose commits have the same hashes at all times.
const std::vector<std::pair<std::string, std::string>> kGitAuthor{
    {"GIT_AUTHOR_NAME", "Laminaria"},
    {"GIT_AUTHOR_EMAIL", "kelp@example.invalid"},
    {"GIT_AUTHOR_DATE", "1767323045 +0000"},
    {"GIT_COMMITTER_NAME", "Laminaria"},
    {"GIT_COMMITTER_EMAIL", "kelp@example.invalid"},
    {"GIT_COMMITTER_DATE", "1767323045 +0000"},
    {"GIT_CONFIG_GLOBAL", "/dev/null"},
    {"GIT_CONFIG_NOSYSTEM", "1"}};

void git(const path& repository, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"-C", repository};
  for (const auto& [name, value] : kGitAuthor) words.push_back(name + "=" + value);
  words.emplace_back("git");
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto done = run_program("/usr/bin/env", words, kPatience);
  if (done.exit.code != 0) throw std::runtime_error("git " + arguments.front() + ": " + done.err);
}

const RealServer kGit{
    .name = "git",
    .program = "mcp-server-git",
    .arguments = {"--repository", "$HOME/repo"},
    .environment = kGitAuthor,
    .furnish =
        [](const path& home) {
          const path repository = home / "repo";
          write(repository / "kelp.txt", "grips\nthe rock\n");
          git(repository, {"init", "-q", "-b", "main"});
          git(repository, {"add", "."});
          git(repository, {"commit", "-q", "-m", "kelp"});
          write(repository / "kelp.txt", "grips\nthe rock \xe2\x98\x83\n");
          write(repository / "rock.txt", "is hard\n");
        },
    .requests =
        {
            call("git_status", R"({"repo_path":"$HOME/repo"})"),
            call("git_diff_unstaged", R"({"repo_path":"$HOME/repo"})"),
            call("git_add", R"({"repo_path":"$HOME/repo","files":["."]})"),
            call("git_diff_staged", R"({"repo_path":"$HOME/repo","context_lines":1})"),
            call("git_reset", R"({"repo_path":"$HOME/repo"})"),
            call("git_add", R"({"repo_path":"$HOME/repo","files":["rock.txt"]})"),
            call("git_add", R"({"repo_path":"$HOME/repo","files":["../outside"]})"),
            call("git_commit", R"({"repo_path":"$HOME/repo","message":"rock \u2603"})"),
            call("git_commit", R"({"repo_path":"$HOME/repo","message":"nothing"})"),
            call("git_log", R"({"repo_path":"$HOME/repo","max_count":5})"),
            call("git_show", R"({"repo_path":"$HOME/repo","revision":"HEAD"})"),
            call("git_create_branch", R"({"repo_path":"$HOME/repo","branch_name":"reef"})"),
            call("git_checkout", R"({"repo_path":"$HOME/repo","branch_name":"reef"})"),
            call("git_diff", R"({"repo_path":"$HOME/repo","target":"main"})"),
            call("git_branch", R"({"repo_path":"$HOME/repo","branch_type":"local"})"),
            call("git_status", R"({"repo_path":"$HOME"})"),
        },
    .programs = {"git"},
};

const RealServer kTime{
    .name = "clock",
    .program = "mcp-server-time",
    .arguments = {"--local-timezone", "Etc/UTC"},
    .requests =
        {
            call("get_current_time", R"({"timezone":"Europe/Berlin"})",
                 R"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}|[A-Z][a-z]+day)"),
            call("convert_time",
                 R"({"source_timezone":"Etc/UTC","time":"12:30","target_timezone":"Asia/Kathmandu"})",
                 R"(\d{4}-\d{2}-\d{2}T|[A-Z][a-z]+day)"),  // it is of today
            call("convert_time",
                 R"({"source_timezone":"Etc/UTC","time":"25:30","target_timezone":"Asia/Tokyo"})"),
            call("get_current_time", R"({"timezone":"Sea/Reef"})"),
        },
};

// A page that is not raw goes through node, with what the server would fetch from npm for it: texts stay as
// they are.
const RealServer kFetch{
    .name = "fetch",
    .program = "mcp-server-fetch",
    .arguments = {"--allow-private-ips"},
    .furnish =
        [](const path& home) {
          write(home / "kelp.txt", "grips the rock \xe2\x98\x83\n");
          write(home / "kelp.html", "<html><body><h1>Kelp</h1><p>grips &amp; holds</p></body></html>\n");
          write(home / "robots.txt", "User-agent: *\nDisallow: /private\n");
        },
    .requests =
        {
            call("fetch", R"({"url":"$WEB/kelp.txt"})"),
            call("fetch", R"({"url":"$WEB/kelp.html","raw":true})"),
            call("fetch", R"({"url":"$WEB/kelp.html","raw":true,"max_length":10,"start_index":5})"),
            call("fetch", R"({"url":"$WEB/nowhere"})"),
            call("fetch", R"({"url":"$WEB/private"})"),
            call("fetch", R"({"url":"http://127.0.0.1:1/"})"),
            call("fetch", R"({"url":"no address"})"),
            {"prompts/get", R"({"name":"fetch","arguments":{"url":"$WEB/kelp.txt"}})"},
            {"prompts/get", R"({"name":"fetch"})"},
        },
};

}  // namespace

const std::vector<RealServer>& real_servers() {
  static const std::vector<RealServer> all{kEverything, kFilesystem, kMemory, kThinking, kDevtools,
                                           kPlaywright, kContext7,   kGit,    kTime,     kFetch};
  return all;
}

const RealServer& real_server(const std::string& name) {
  for (const auto& server : real_servers())
    if (server.name == name) return server;
  throw std::runtime_error("no such server: " + name);
}

}  // namespace holdfast::test
