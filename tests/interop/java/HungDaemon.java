/** A daemon on a JVM whose shutdown hook hangs, so that SIGTERM does not end it. */
public class HungDaemon {
  private static final long LIFE = 300_000; // should nobody end it

  public static void main(String[] arguments) {
    Runtime.getRuntime().addShutdownHook(new Thread(HungDaemon::rest));
    System.out.println("ready");
    rest();
  }

  private static void rest() {
    try {
      Thread.sleep(LIFE);
    } catch (InterruptedException over) {
      Thread.currentThread().interrupt();
    }
  }
}
