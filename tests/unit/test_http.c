/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Notifications, to Python's own HTTP server: plain, and behind a certificate that
 * nobody vouches for.
 */
#include "proto/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/child.h"
#include "io/file.h"
#include "tap.h"

static char dir[] = "/tmp/vmfo-http-XXXXXX";

/*
 * Answers by the path: /NNN with that status. What it was sent goes to the file "seen",
 * and its port, once it listens, to the file "port".
 */
static const char server[] =
	"import http.server, ssl, sys\n"
	"class H(http.server.BaseHTTPRequestHandler):\n"
	"    def do_POST(self):\n"
	"        body = self.rfile.read(int(self.headers['Content-Length'])).decode()\n"
	"        with open('seen', 'w') as f:\n"
	"            f.write(self.path + '\\n' + str(self.headers) + body)\n"
	"        self.send_response(int(self.path[1:4]))\n"
	"        if self.path[1] == '3':\n"
	"            self.send_header('Location', '/200')\n"
	"        self.end_headers()\n"
	"        if 'endless' in self.path:\n"
	"            while True: self.wfile.write(b'x' * 65536)\n"
	"    def log_message(self, *args): pass\n"
	"s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)\n"
	"s.daemon_threads = True\n"
	"s.handle_error = lambda *args: None\n"
	"if len(sys.argv) > 1:\n"
	"    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
	"    c.load_cert_chain('cert.pem', 'key.pem')\n"
	"    s.socket = c.wrap_socket(s.socket, server_side=True)\n"
	"with open('port', 'w') as f: f.write('%d\\n' % s.server_port)\n"
	"s.serve_forever()\n";

/* Return: the port. */
static int server_start(struct child *child, bool tls)
{
	const char *const argv[] = { "python3", "-c", server, tls ? "tls" : NULL, NULL };
	const struct child_spec spec = { .argv = argv, .in = -1, .out = -1, .err = 2 };
	struct err err = ERR_INIT;
	int64_t deadline = deadline_in(20000);
	int port = 0;

	unlink("port");
	if (child_spawn(child, &spec, &err) < 0)
		bail("%s", err.msg);
	while (port == 0) {
		_cleanup_free_ char *text = NULL;

		if (clock_ms() > deadline || child_ended(child, NULL))
			bail("the HTTP server does not start");
		if (file_read("port", 100, &text, NULL, NULL) == 0)
			port = atoi(text);
		usleep(20000);
	}
	return port;
}

/* Return: as http_post_json(). */
static int post(const char *scheme, int port, const char *path, const char *header,
		int timeout_s, struct err *err)
{
	_cleanup_free_ char *url =
		str_printf("%s://user:secret@127.0.0.1:%d%s", scheme, port, path);
	json_t *body = json_pack("{s:s}", "schema", "vmfo.migrate/1");
	int r = http_post_json(url, &header, header ? 1 : 0, timeout_s, body, err);

	json_decref(body);
	return r;
}

static void test_plain(void)
{
	_cleanup_free_ char *seen = NULL;
	struct child child = CHILD_INIT;
	struct err err = ERR_INIT;
	int64_t before;
	int port = server_start(&child, false);

	is_int(post("http", port, "/200?token=secret", "X-Token: abc", 10, &err), 0, "POST");
	if (file_read("seen", 10000, &seen, NULL, &err) < 0)
		bail("%s", err.msg);
	ok(str_starts(seen, "/200?token=secret\n"), "the server saw its path");
	like(seen, "Content-Type: application/json\n", "the type");
	like(seen, "X-Token: abc\n", "the header");
	like(seen, "{\"schema\":\"vmfo.migrate/1\"}", "the body");
	ok(!strstr(seen, "Expect:"), "and no question before it");
	is_int(post("http", port, "/204", NULL, 10, &err), 0, "every 2xx is good");
	before = clock_ms();
	is_int(post("http", port, "/200/endless", NULL, 10, &err), 0,
	       "an endless answer is left");
	ok(clock_ms() - before < 5000, "at once");

	is_int(post("http", port, "/500?token=secret", NULL, 10, &err), -EREMOTEIO,
	       "status 500");
	like(err.msg, "status 500", "is named");
	like(err.msg, "http://127.0.0.1:", "with the server");
	ok(!strstr(err.msg, "secret"), "and without secrets");
	is_int(post("http", port, "/500/endless", NULL, 10, &err), -EREMOTEIO,
	       "also with an endless answer");
	is_int(post("http", port, "/302", NULL, 10, &err), -EREMOTEIO,
	       "no redirect is followed");
	like(err.msg, "status 302", "it is named");
	is_int(post("https", port, "/200", NULL, 10, &err), -EIO, "TLS to a server without");
	is_int(post("http", port, "/200", "X-Token: a\r\nX-Other: b", 10, &err), -EINVAL,
	       "two headers in one");
	ok(!strstr(err.msg, "X-Other"), "are not quoted");
	is_int(post("http", port, "/200", "no-header", 10, &err), -EINVAL, "no header");
	child_stop(&child, 0);
	is_int(post("http", port, "/200", NULL, 10, &err), -EIO, "nobody listens");
	like(err.msg, "onnect", "the message says so");
}

static void test_tls(void)
{
	struct child child = CHILD_INIT;
	struct err err = ERR_INIT;
	int port;

	if (system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		   "-days 2 "
		   "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
		   "-keyout key.pem -out cert.pem 2>/dev/null") != 0)
		bail("make a certificate");
	port = server_start(&child, true);
	is_int(post("https", port, "/200", NULL, 10, &err), -EIO,
	       "a certificate that nobody vouches for is refused");
	like(err.msg, "certificate", "the message says so");
	ok(access("seen", F_OK) < 0, "and nothing was sent");
	child_stop(&child, 0);
}

static void test_silence(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000001) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	struct err err = ERR_INIT;
	int64_t before = clock_ms();

	if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 5) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		bail("listen");
	is_int(post("http", ntohs(addr.sin_port), "/200", NULL, 1, &err), -ETIMEDOUT,
	       "a silent server");
	ok(clock_ms() - before < 3000, "is left when its time is over");
	like(err.msg, "timed out", "the message says so");
}

static void test_urls(void)
{
	static const struct {
		const char *url, *message;
	} urls[] = {
		{ "", "the URL is not one" },
		{ "not a URL", "the URL is not one" },
		{ "file:///etc/passwd", "" },
		{ "ftp://user:secret@127.0.0.1/x", "ftp://127.0.0.1: only http and https" },
		{ "gopher://127.0.0.1/secret", "only http and https" },
	};
	json_t *body = json_object();
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		is_int(http_post_json(urls[i].url, NULL, 0, 1, body, &err), -EINVAL,
		       "the URL '%s'", urls[i].url);
		like(err.msg, urls[i].message, "is refused");
		ok(!strstr(err.msg, "secret"), "without secrets");
	}
	is_int(http_post_json("http://127.0.0.1:1/", NULL, 0, 0, body, &err), -EINVAL,
	       "no time to do it in");
	json_decref(body);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		bail("mkdtemp");
	test_urls();
	test_silence();
	test_tls();
	test_plain();
	if (chdir("/") < 0 || dir_remove(dir, NULL) < 0)
		bail("remove %s", dir);
	return done_testing();
}
