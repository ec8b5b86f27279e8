/* SPDX-License-Identifier: MIT
 *
 * A request, and its answer, for which there is not enough memory: a command is
 * put off, never refused, and an answer that can not be read leaves a doubt,
 * whatever its HTTP status.
 */
#include "basics.h"

#include "base/shared_text.h"
#include "cloud/api.h"
#include "cloud/credential.h"
#include "cloud/request.h"
#include "scarce_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char url[] = "https://cloud.test/x";
static char product[] = "p1";
static char resource[] = "products/p1";
static char key_file[32];
static struct endpoint endpoint;
static char id[] = "d1";
static const struct device device = {
    .name = "d", .device_id = id, .endpoint = &endpoint, .qos = -1};
static const struct policy policy = {.rule = "heat",
                                     .service = "close",
                                     .content_type = "application/json",
                                     .timeout_s = POLICY_DEFAULT};
static struct command command = {.policy = &policy, .device = &device};

static int set_up(void **state) {
  (void)state;
  strcpy(key_file, "/tmp/onenet-key-XXXXXX");
  close(mkstemp(key_file));
  write_file(key_file, BYTES("Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE=\n"));
  endpoint =
      (struct endpoint){.name = "cloud",
                        .url = url,
                        .product_id = product,
                        .device_wait_s = 10,
                        .request_timeout_s = 20,
                        .credential = {.kind = CREDENTIAL_ACCESS_KEY_FILE,
                                       .text = key_file,
                                       .resource = resource,
                                       .method = TOKEN_SHA256,
                                       .version = TOKEN_2022_05_01,
                                       .token_lifetime_s = 3600}};
  command.body = body_new("{\"on\":true}", 11);
  return command.body == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  (void)state;
  body_unref(command.body);
  return unlink(key_file);
}

static void is_built(void *context) {
  struct request r;
  struct verdict v = {.class = VERDICT_CLASSES};
  endpoint.api = context;
  request_init(&r, &endpoint);
  int status = request_build(&r, &command, 1000, &v);
  scarce_memory_end();
  assert_int_equal(status, scarce_memory_missed() > 0 ? -ENOMEM : 0);
  if (status < 0)
    assert_int_equal(v.class, VERDICT_NOT_SENT);
  request_free(&r);
}

static void a_request_without_memory_is_put_off(void **state) {
  (void)state;
  for (size_t i = 0; api_at(i) != NULL; i++) {
    struct api api = *api_at(i);
    scarce_memory_walk(NULL, is_built, &api, 1);
  }
}

static void gets_headers(void *context) {
  struct request r;
  char why[128] = "";
  const struct moment now = {.ms = 1000, .wall_ms = INT64_C(1700000000000)};
  struct credential *c = credential_new(&endpoint.credential);
  (void)context;
  request_init(&r, &endpoint);
  int status = c == NULL ? -ENOMEM
                         : request_add_headers(&r, c, "text/plain", now, why,
                                               sizeof why);
  scarce_memory_end();
  assert_int_equal(status, scarce_memory_missed() > 0 ? -ENOMEM : 0);
  request_free(&r);
  credential_free(c);
}

static void a_token_without_memory_is_no_fault_of_the_key(void **state) {
  (void)state;
  scarce_memory_walk(NULL, gets_headers, NULL, 3);
}

static enum verdict_class judge(const struct http_reply *reply) {
  struct buf said;
  struct verdict v;
  buf_init(&said, API_REPLY_MAX_BYTES);
  cmds_api.judge(reply, &v, &said);
  buf_free(&said);
  return v.class;
}

/* Either it is known what it says, or nothing is. */
static void is_judged(void *context) {
  enum verdict_class class = judge(context);
  scarce_memory_end();
  if (class != VERDICT_DOUBTFUL)
    assert_int_equal(class, judge(context));
}

static void an_answer_without_memory_leaves_a_doubt(void **state) {
  static const int codes[] = {200, 400, 401, 404, 500, 503};
  (void)state;
  for (size_t i = 0; i < COUNT(codes); i++) {
    struct http_reply reply = {.is_post = true,
                               .sent = true,
                               .http_code = codes[i],
                               .answer = "{\"errno\":0,\"error\":\"succ\"}",
                               .answer_size = 26};
    scarce_memory_walk(NULL, is_judged, &reply, 1);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_request_without_memory_is_put_off),
      TEST(a_token_without_memory_is_no_fault_of_the_key),
      TEST(an_answer_without_memory_leaves_a_doubt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
