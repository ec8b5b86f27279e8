/* SPDX-License-Identifier: MIT
 *
 * bare: what the plugin is measured against, libcurl and nothing else. It sends
 * the same requests to the same far side: URL, headers, body, keep-alive, and
 * as many in flight. It is written for speed, as one does it without a ledger,
 * rules and retries: one thread, one easy handle for each request in flight,
 * set up once and used again. It waits with curl_multi_poll: with
 * curl_multi_socket_action and an epoll it was slower (55,000 requests/s, not
 * 73,000, with 64 in flight), since libcurl takes each socket out and puts it
 * in again between two requests.
 *
 *   bare BOARD KEY COUNT IN-FLIGHT DEVICES GAP-NS
 *
 * BOARD is the file of board.h. GAP-NS: the pause before each request, for a
 * handle that is warm and idle.
 */
#include "board.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX_BYTES 1024
#define WAIT_MS 1000

/* slot: one request in flight after the other. */
struct slot {
  CURL *easy;
  uint64_t begun_ns;
  size_t answer_bytes;
  char url[128];
  char body[64];
  char answer[ANSWER_MAX_BYTES + 1];
};

static board_number *board;
static uint64_t count, in_flight_max, devices, gap_ns;
static uint64_t begun, in_flight, answered;
static uint64_t *times_ns; /* of the requests that are answered */
static CURLM *multi;
static struct curl_slist *headers;

static void die(const char *what) {
  fprintf(stderr, "bare: %s\n", what);
  exit(1);
}

static uint64_t now_ns(void) { return board_clock_ns(CLOCK_MONOTONIC); }

/* ---- requests ---- */

static size_t store_answer(char *data, size_t size, size_t items,
                           void *context) {
  struct slot *s = context;
  size_t bytes = size * items;
  if (bytes > ANSWER_MAX_BYTES - s->answer_bytes)
    return 0;
  memcpy(s->answer + s->answer_bytes, data, bytes);
  s->answer_bytes += bytes;
  return bytes;
}

static void begin_request(struct slot *s) {
  unsigned long long number = begun++;
  int body_bytes =
      snprintf(s->body, sizeof s->body, "{\"fan\":\"on\",\"n\":%llu}", number);
  snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/cmds?device_id=%llu",
           (unsigned)board[FAR_PORT], 8000000ULL + number % devices);
  s->answer_bytes = 0;
  s->begun_ns = now_ns();
  curl_easy_setopt(s->easy, CURLOPT_URL, s->url);
  curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)body_bytes);
  if (curl_multi_add_handle(multi, s->easy) != CURLM_OK)
    die("curl_multi_add_handle");
  in_flight++;
}

static void take_answer(struct slot *s, CURLcode code) {
  s->answer[s->answer_bytes] = '\0';
  times_ns[answered++] = now_ns() - s->begun_ns;
  if (code != CURLE_OK || strstr(s->answer, "\"errno\":0") == NULL)
    die(code != CURLE_OK ? curl_easy_strerror(code) : s->answer);
  curl_multi_remove_handle(multi, s->easy);
  in_flight--;
}

static void pause_between(void) {
  struct timespec gap = {.tv_nsec = (long)gap_ns};
  if (gap_ns > 0)
    nanosleep(&gap, NULL);
}

static void take_messages(void) {
  int left;
  for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
    struct slot *s;
    CURLcode code = m->data.result;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
    take_answer(s, code);
    pause_between();
    if (begun < count)
      begin_request(s);
  }
}

static void turn(void) {
  int running;
  if (curl_multi_poll(multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK ||
      curl_multi_perform(multi, &running) != CURLM_OK)
    die("curl_multi_poll");
  take_messages();
}

/* ---- the start ---- */

static void make_multi(void) {
  multi = curl_multi_init();
  if (multi == NULL)
    die("no memory");
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight_max);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

static void make_headers(const char *key) {
  char line[128];
  snprintf(line, sizeof line, "api-key: %s", key);
  headers = curl_slist_append(headers, "Expect:");
  headers = curl_slist_append(headers, line);
  headers = curl_slist_append(headers, "Content-Type: application/json");
}

static void set_up(struct slot *s) {
  s->easy = curl_easy_init();
  if (s->easy == NULL)
    die("no memory");
  curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
  curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, 60000L);
  curl_easy_setopt(s->easy, CURLOPT_USERAGENT,
                   "collectd-onenet/" ONENET_VERSION);
  curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(s->easy, CURLOPT_POST, 1L);
  curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body);
  curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, store_answer);
  curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
}

static void make_slots(void) {
  struct slot *slots = calloc(in_flight_max, sizeof *slots);
  times_ns = calloc(count, sizeof *times_ns);
  if (slots == NULL || times_ns == NULL)
    die("no memory");
  for (uint64_t i = 0; i < in_flight_max && begun < count; i++) {
    set_up(&slots[i]);
    begin_request(&slots[i]);
  }
}

static void tell(uint64_t cpu_ns) {
  board[BARE_CPU_NS] = cpu_ns;
  board_sort(times_ns, answered);
  board[BARE_P50_NS] = board_percentile(times_ns, answered, 50);
}

int main(int argc, char **argv) {
  board = argc == 7 ? board_open(argv[1]) : NULL;
  if (board == NULL)
    die("BOARD KEY COUNT IN-FLIGHT DEVICES GAP-NS");
  count = strtoull(argv[3], NULL, 10);
  in_flight_max = strtoull(argv[4], NULL, 10);
  devices = strtoull(argv[5], NULL, 10);
  gap_ns = strtoull(argv[6], NULL, 10);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  make_multi();
  make_headers(argv[2]);
  uint64_t begun_ns = board_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  make_slots();
  while (in_flight > 0)
    turn();
  tell(board_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begun_ns);
  return 0;
}
