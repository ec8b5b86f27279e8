/* SPDX-License-Identifier: MIT */
#include "http_fixture.h"

#include "basics.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* openssl's own server, which answers a GET with a page. */
static struct {
  char directory[32];
  pid_t pid;
  char cert[64], key[64], other_cert[64];
} tls;

static void run_shell(const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  if (system(line) != 0)
    fail_msg("%s", line);
}

static void make_certificate(char *path, const char *name,
                             const char *subject) {
  snprintf(path, sizeof(tls.cert), "%s/%s.pem", tls.directory, name);
  run_shell("openssl req -x509 -key %s -passin pass:secret -out %s -days 1 "
            "-subj /CN=test -addext subjectAltName=%s 2>/dev/null",
            tls.key, path, subject);
}

static int make_certificates(void **state) {
  (void)state;
  strcpy(tls.directory, "/tmp/test_http_XXXXXX");
  if (mkdtemp(tls.directory) == NULL)
    return -1;
  snprintf(tls.key, sizeof(tls.key), "%s/key.pem", tls.directory);
  run_shell("openssl genpkey -algorithm EC -pkeyopt "
            "ec_paramgen_curve:P-256 -aes128 -pass pass:secret -out %s",
            tls.key);
  make_certificate(tls.cert, "cert", "IP:127.0.0.1");
  make_certificate(tls.other_cert, "other", "DNS:elsewhere.invalid");
  return 0;
}

static void stop_tls_server(void) {
  if (tls.pid > 0) {
    kill(tls.pid, SIGKILL);
    waitpid(tls.pid, NULL, 0);
  }
  tls.pid = 0;
}

static int clean_up(void **state) {
  (void)state;
  stop_tls_server();
  run_shell("rm -r %s", tls.directory);
  return 0;
}

/* Starts the server with more options, and points the url at it. What it goes
 * on to write finds no reader: it has inherited that SIGPIPE is ignored. */
static void serve_tls(const char *cert, const char *options) {
  int out[2], port = 0;
  char line[512];
  stop_tls_server();
  snprintf(line, sizeof(line),
           "exec openssl s_server -www -accept 127.0.0.1:0 -cert %s -key %s "
           "-pass pass:secret -CAfile %s %s </dev/null 2>/dev/null",
           cert, tls.key, tls.cert, options);
  assert_int_equal(pipe(out), 0);
  tls.pid = fork();
  if (tls.pid == 0) {
    dup2(out[1], 1);
    close(out[0]);
    close(out[1]);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
  }
  close(out[1]);
  FILE *f = fdopen(out[0], "r");
  while (port == 0 && fgets(line, sizeof(line), f) != NULL)
    if (sscanf(line, "ACCEPT 127.0.0.1:%d", &port) != 1)
      port = 0;
  fclose(f);
  assert_int_not_equal(port, 0);
  point_at("https", port);
}

static struct http_reply exchange_tls(struct http_request r,
                                      const struct tls_options *options) {
  http_free(http); /* no connection of before */
  http = http_new(1);
  r.tls = options;
  return exchange(&r);
}

static void assert_tls_works(const struct tls_options *options) {
  struct http_reply reply = exchange_tls(make_get(), options);
  assert_string_equal(reply.curl_error, "");
  assert_int_equal(reply.http_code, 200);
}

static void assert_tls_ends(const struct tls_options *options, int curl_code) {
  struct http_reply reply = exchange_tls(make_post("on"), options);
  assert_not_sent(&reply);
  assert_int_equal(reply.curl_code, curl_code);
}

static void a_certificate_is_believed_only_from_a_known_ca(void **state) {
  (void)state;
  serve_tls(tls.cert, "");
  struct tls_options o = verifying;
  assert_tls_ends(&o, CURLE_PEER_FAILED_VERIFICATION);
  o.ca_cert = tls.cert;
  assert_tls_works(&o);
  o.ca_cert = NULL;
  o.verify_peer = false;
  assert_tls_works(&o);
}

static void a_certificate_for_another_name_is_not_believed(void **state) {
  (void)state;
  serve_tls(tls.other_cert, "");
  struct tls_options o = verifying;
  o.ca_cert = tls.other_cert;
  assert_tls_ends(&o, CURLE_PEER_FAILED_VERIFICATION);
  o.verify_host = false;
  assert_tls_works(&o);
}

static void a_ca_may_be_found_in_a_directory(void **state) {
  (void)state;
  run_shell("ln -s cert.pem %s/$(openssl x509 -hash -noout -in %s).0",
            tls.directory, tls.cert);
  serve_tls(tls.cert, "");
  struct tls_options o = verifying;
  o.ca_path = tls.directory;
  assert_tls_works(&o);
}

static void a_server_below_the_least_version_is_not_spoken_to(void **state) {
  (void)state;
  serve_tls(tls.cert, "-no_tls1_3");
  struct tls_options o = verifying;
  o.ca_cert = tls.cert;
  o.ssl_version = 12;
  assert_tls_works(&o);
  o.ssl_version = 13;
  assert_tls_ends(&o, CURLE_SSL_CONNECT_ERROR);
}

static void a_client_certificate_is_shown(void **state) {
  (void)state;
  serve_tls(tls.cert, "-Verify 1 -verify_return_error -no_tls1_3");
  struct tls_options o = verifying;
  o.ca_cert = tls.cert;
  assert_tls_ends(&o, CURLE_SSL_CONNECT_ERROR);
  o.client_cert = tls.cert;
  o.client_key = tls.key;
  o.client_key_pass = "secret";
  assert_tls_works(&o);
  o.client_key_pass = "wrong";
  assert_tls_ends(&o, CURLE_SSL_CERTPROBLEM);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_certificate_is_believed_only_from_a_known_ca),
      TEST(a_certificate_for_another_name_is_not_believed),
      TEST(a_ca_may_be_found_in_a_directory),
      TEST(a_server_below_the_least_version_is_not_spoken_to),
      TEST(a_client_certificate_is_shown),
  };
  if (system("openssl version >/dev/null") != 0)
    return 77; /* skipped */
  fixture_isolate();
  if (http_global_init() != 0)
    return 1;
  int failed = cmocka_run_group_tests_name("http: TLS", tests,
                                           make_certificates, clean_up);
  http_global_cleanup();
  return failed;
}
