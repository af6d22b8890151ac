import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** The steps of ../README.md with the HTTP client of the class library. */
public final class Client {
  private static final String BASE = "https://api.sendgrid.com/v3";
  private static final String TRACKING = "\"tracking_settings\":{\"open_tracking\":{\"enable\":true},\"click_tracking\":{\"enable\":true}}";
  private static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

  private record Answer(int status, String body) {}

  private static Answer call(String method, String path, String body) throws InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(BASE + path))
        .timeout(Duration.ofSeconds(30))
        .header("Authorization", "Bearer " + System.getenv("KEY"))
        .header("Content-Type", "application/json")
        .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
        .build();
    try {
      HttpResponse<String> response = CLIENT.send(request, BodyHandlers.ofString());
      return new Answer(response.statusCode(), response.body());
    } catch (IOException e) {
      return new Answer(0, e.toString());
    }
  }

  private static void print(String step, int status, String detail) {
    StringBuilder quoted = new StringBuilder();
    for (char c : detail.toCharArray()) {
      if (c == '"' || c == '\\') {
        quoted.append('\\');
      }
      if (c >= ' ') {
        quoted.append(c);
      }
    }
    System.out.printf("{\"step\":\"%s\",\"status\":%d,\"detail\":\"%s\"}%n", step, status, quoted);
  }

  private static Answer step(String step, String method, String path, String body) throws InterruptedException {
    Answer answer = call(method, path, body);
    print(step, answer.status(), answer.body());
    return answer;
  }

  private static String to(String... addresses) {
    return "{\"to\":[{\"email\":\"" + String.join("\"},{\"email\":\"", addresses) + "\"}]}";
  }

  private static String mail(String subject, String more, String... personalizations) {
    return "{" + more + "\"subject\":\"" + subject + " " + System.getenv("NAME") + "\",\"template_id\":\"d-newsletter\",\"personalizations\":["
        + String.join(",", personalizations) + "]," + TRACKING + "}";
  }

  public static void main(String[] args) throws InterruptedException {
    String allowed = System.getenv("ALLOWED");
    String also = System.getenv("ALSO");
    String refused = System.getenv("REFUSED");
    String from = "\"from\":{\"email\":\"post@gartenhaus.example\"},";
    step("send", "POST", "/mail/send", mail("news", from, to(allowed), to(refused), to(also, refused)));
    Answer batch = call("POST", "/mail/batch", null);
    String id = batch.body().replaceAll("(?s).*\"batch_id\":\"([^\"]*)\".*", "$1");
    Answer sent = call("POST", "/mail/send", mail("batch", from + "\"batch_id\":\"" + id + "\",", to(allowed)));
    print("batch", sent.status(), String.valueOf(batch.status()));
    step("contacts", "GET", "/marketing/contacts", null);
    step("refused", "POST", "/mail/send", mail("refused", from, to(refused)));
    step("complaint", "POST", "/mail/send", mail("complaint", "", to(allowed)));
    step("undeclared", "GET", "/api_keys", null);
    step("busy", "POST", "/mail/send", mail("busy once", from, to(allowed)));
    step("busy", "POST", "/mail/send", mail("busy once", from, to(allowed)));
    step("lost", "POST", "/mail/send", mail("lost once", from, to(allowed)));
  }
}
