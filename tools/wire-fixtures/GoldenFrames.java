import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;

/**
 * Asks Kafka's own generated classes. Standard input: one JSON a line, {"message": "FetchRequest", "version": 12,
 * "value": {...}}; standard output: the bytes of each in hex. With the argument "errors": the table of error codes.
 */
public class GoldenFrames {
  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    if (arguments.length > 0 && arguments[0].equals("errors")) errors(out);
    else frames(out);
    out.flush();
  }

  private static void frames(PrintStream out) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      JsonNode job = mapper.readTree(line);
      short version = (short) job.get("version").asInt();
      Class<?> converter = Class.forName("org.apache.kafka.common.message." + job.get("message").asText() + "DataJsonConverter");
      Message message = (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, job.get("value"), version);
      ByteBuffer bytes = MessageUtil.toByteBufferAccessor(message, version).buffer();
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      out.println(HexFormat.of().formatHex(copy));
    }
  }

  private static void errors(PrintStream out) {
    for (Errors error : Errors.values()) {
      boolean retriable = error.exception() instanceof RetriableException;
      boolean refresh = error.exception() instanceof InvalidMetadataException;
      out.println(error.code() + " " + error.name() + " " + retriable + " " + refresh);
    }
  }
}
