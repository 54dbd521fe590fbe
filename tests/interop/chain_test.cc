// Every chain is gone after every end: launchers that neither forward a signal nor end with their child,
// workers and daemons that live on.
#include "chain.h"

namespace holdfast::test {
namespace {

TEST_P(RealChain, L12_is_gone) { ends(); }

const std::string kNode = HOLDFAST_INTEROP_NODE "/";
const std::string kPython = HOLDFAST_INTEROP_PYTHON "/";
const std::string kJava = HOLDFAST_INTEROP_JAVA "/";
const std::string kFixture = HOLDFAST_FIXTURE_SERVER;

const Call kReadGraph{"read_graph", "{}"};
const Call kTime{"get_current_time", R"({"timezone":"Etc/UTC"})"};
const Call kPing{"ping", "{}"};
const Call kEcho{"echo", R"({"text":"hi"})"};

// What starts a server.
const std::vector<Chain> kLaunchers{
    {.name = "sh_node",
     .tools = {"mcp-server-memory"},
     .command = {"sh", "-c", "mcp-server-memory; true"},
     .call = kReadGraph,
     .kin = {{"mcp-server-memory", 2}}},
    {.name = "sh_sh_node",
     .tools = {"mcp-server-memory"},
     .command = {"sh", "-c", "sh -c 'sh -c \"mcp-server-memory; true\"; true'; true"},
     .call = kReadGraph,
     .kin = {{"mcp-server-memory", 4}}},
    {.name = "sh_deaf_node",
     .tools = {"node"},
     .command = {"sh", "-c", "node " + kNode + "deaf_server.mjs; true"},
     .call = kReadGraph,
     .kin = {{"deaf_server.mjs", 2}}},
    {.name = "sh_background_node",
     .tools = {"node"},
     .command = {"sh", "-c", "exec 3<&0; (setsid node " + kNode + "deaf_server.mjs <&3 &) ; sleep 300"},
     .call = kReadGraph,
     .kin = {{"deaf_server.mjs", 2}}},
    {.name = "npx_sh_node",
     .tools = {"mcp-server-memory"},
     .programs = {"npx"},
     .command = {"npx", "--offline", "mcp-server-memory"},
     .call = kReadGraph,
     .kin = {{"mcp-server-memory", 2}}},
    {.name = "sh_python",
     .tools = {"mcp-server-time"},
     .command = {"sh", "-c", "mcp-server-time --local-timezone Etc/UTC; true"},
     .call = kTime,
     .kin = {{"mcp-server-time", 2}}},
    {.name = "uvx_python",
     .tools = {"uvx"},
     .command = {"env", "UV_TOOL_DIR=" HOLDFAST_TOOLS_BIN "/../uv", "UV_NO_CACHE=1", "uvx", "--offline",
                 "mcp-server-time", "--local-timezone", "Etc/UTC"},
     .call = kTime,
     .kin = {{"uvx", 1}, {"bin/mcp-server-time", 1}}},
    {.name = "uv_python",
     .tools = {"uv", "mcp-server-time"},
     .command = {"uv", "run", "--no-project", "--offline", "--python",
                 HOLDFAST_TOOLS_BIN "/../venv/bin/python", "mcp-server-time"},
     .call = kTime,
     .kin = {{"uv run", 1}, {"bin/mcp-server-time", 1}}},
    // A login shell may choose another PATH.
    {.name = "bash_login_node",
     .tools = {"node"},
     .programs = {"bash"},
     .command = {"bash", "-lc", HOLDFAST_TOOLS_BIN "/node " + kNode + "deaf_server.mjs; true"},
     .call = kReadGraph,
     .kin = {{"deaf_server.mjs", 2}}},
    {.name = "node_hand_over",
     .tools = {"node"},
     .command = {"node", kNode + "hand_over.mjs", kNode + "deaf_server.mjs"},
     .call = kReadGraph,
     .kin = {{"deaf_server.mjs", 1}},
     .gone = "hand_over.mjs"},
};

// What a server starts.
const std::vector<Chain> kHelpers{
    {.name = "python_spawn",
     .programs = {"python3"},
     .command = {"python3", kPython + "workers_server.py", "spawn"},
     .call = kPing,
     .kin = {{"multiprocessing.spawn", 2}, {"resource_tracker", 1}}},
    {.name = "python_forkserver",
     .programs = {"python3"},
     .command = {"python3", kPython + "workers_server.py", "forkserver"},
     .call = kPing,
     .kin = {{"multiprocessing.forkserver", 3}, {"resource_tracker", 1}}},
    {.name = "node_cluster",
     .tools = {"node"},
     .command = {"node", kNode + "cluster_server.mjs"},
     .call = kReadGraph,
     .kin = {{"cluster_server.mjs", 3}}},
    // A JDK: it compiles what it runs.
    {.name = "sh_java_daemon",
     .programs = {"java", "javac"},
     .command = {"sh", "-c",
                 "export JDK_JAVA_OPTIONS='-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
                 "-XX:-UsePerfData'; java " +
                     kJava + "DaemonServer.java java " + kJava + "HungDaemon.java; true"},
     .call = kPing,
     .kin = {{"HungDaemon.java", 3}}},
    {.name = "nohup",
     .programs = {"nohup"},
     .command = {"sh", "-c", "nohup sleep 300 >/dev/null 2>&1 & exec " + kFixture},
     .call = kEcho,
     .kin = {{"sleep 300", 1}}},
    {.name = "setsid",
     .programs = {"setsid"},
     .command = {"sh", "-c",
                 "setsid -f sh -c 'trap \"\" TERM HUP; exec sleep 300' <&- >&- 2>&-; exec " + kFixture},
     .call = kEcho,
     .kin = {{"sleep 300", 1}}},
    {.name = "double_fork",
     .programs = {"python3"},
     .command = {"sh", "-c", "python3 " + kPython + "detach.py sleep 300; exec " + kFixture},
     .call = kEcho,
     .kin = {{"sleep 300", 1}},
     .gone = "detach.py"},
    {.name = "ssh_agent",
     .programs = {"ssh-agent"},
     .command = {"sh", "-c", "rm -f ~/agent; ssh-agent -a ~/agent >/dev/null; exec " + kFixture},
     .call = kEcho,
     .kin = {{"ssh-agent -a", 1}}},
};

INSTANTIATE_TEST_SUITE_P(Launchers, RealChain, testing::ValuesIn(each_end_of(kLaunchers)), name_of);
INSTANTIATE_TEST_SUITE_P(Helpers, RealChain, testing::ValuesIn(each_end_of(kHelpers)), name_of);

}  // namespace
}  // namespace holdfast::test
