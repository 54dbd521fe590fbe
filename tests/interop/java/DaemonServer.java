import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** usage: DaemonServer.java COMMAND...: an MCP server that starts this as its daemon first, as build tools do. */
public class DaemonServer {
  private static final Pattern ID = Pattern.compile("\"id\"\\s*:\\s*(\\d+|\"[^\"]*\")");
  private static final Pattern METHOD = Pattern.compile("\"method\"\\s*:\\s*\"([^\"]*)\"");
  private static final Pattern VERSION = Pattern.compile("\"protocolVersion\"\\s*:\\s*\"([^\"]*)\"");

  public static void main(String[] daemon) throws Exception {
    Process started =
        new ProcessBuilder(daemon)
            .redirectInput(new File("/dev/null"))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (new BufferedReader(new InputStreamReader(started.getInputStream())).readLine() == null) System.exit(1);
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String id = first(ID, line);
      if (id.isEmpty()) continue;
      System.out.println("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + answer(line) + "}");
    }
  }

  private static String answer(String line) {
    switch (first(METHOD, line)) {
      case "initialize":
        return "{\"protocolVersion\":\"" + first(VERSION, line) + "\",\"capabilities\":{\"tools\":{}},"
            + "\"serverInfo\":{\"name\":\"java\",\"version\":\"1\"}}";
      case "tools/list":
        return "{\"tools\":[{\"name\":\"ping\",\"inputSchema\":{\"type\":\"object\"}}]}";
      case "tools/call":
        return "{\"content\":[{\"type\":\"text\",\"text\":\"pong\"}]}";
      default:
        return "{}";
    }
  }

  private static String first(Pattern pattern, String line) {
    Matcher found = pattern.matcher(line);
    return found.find() ? found.group(1) : "";
  }
}
