import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

class Get {
    public static void main(String[] args) throws Exception {
        URI uri = URI.create(args[1]);
        if (args[0].equals("connection")) {
            HttpURLConnection c = (HttpURLConnection) uri.toURL().openConnection();
            System.out.println(new String(c.getInputStream().readAllBytes()));
            return;
        }
        System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).body());
    }
}
