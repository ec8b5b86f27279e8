/* SPDX-License-Identifier: MIT */
#include "cloud/http_sockets.h"

#include "base/hash.h"
#include "base/systime.h"

#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Entries of the table of kept sockets: many more than are kept, so that few of
 * these share an entry. */
#define ENTRIES 4096

#define EVENTS_MAX 256 /* taken at a time */
#define NAP_MAX_MS 20  /* while blind */

/* Looks at what is due again at once, as libcurl asks for it: more than the
 * longest answer needs. */
#define ROUNDS_MAX 64

/* States of the thread of http, as those know them who want to wake it. */
enum { AWAKE, ASLEEP, WOKEN };

/* watched: a socket that was opened here, by its descriptor. */
struct watched {
  bool is_open;
  uint32_t wanted; /* events; 0: no transfer uses it */
  uint32_t set;    /* events for which epoll watches it; 0: it does not */
  uint64_t id;     /* in the table of kept ones; 0: never kept */
};

/* kept: the socket of a connection that may be used again. */
struct kept {
  uint64_t id; /* hash of the addresses at both ends */
  int fd;      /* -1: it was closed */
};

struct http_sockets {
  CURLM *multi;
  int epoll_fd;
  int wake_fd;
  _Atomic int state;
  int64_t due_ms; /* when libcurl wants to be called; INT64_MAX: not */
  struct watched *watched;
  size_t watched_count;
  bool is_blind; /* for want of memory something may happen unseen */
  struct kept kept[ENTRIES];
};

/* ---- watching ---- */

/* Returns NULL for a socket that was not opened here: those of libcurl's
 * resolver. */
static struct watched *find(const struct http_sockets *s, int fd) {
  bool is_known = fd >= 0 && (size_t)fd < s->watched_count;
  return is_known && s->watched[fd].is_open ? &s->watched[fd] : NULL;
}

static bool control(const struct http_sockets *s, int operation, int fd,
                    uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  return epoll_ctl(s->epoll_fd, operation, fd, &event) == 0;
}

/* Watches for the events; for none: no longer. */
static void watch(struct http_sockets *s, int fd, struct watched *w,
                  uint32_t events) {
  int operation = events == 0   ? EPOLL_CTL_DEL
                  : w->set == 0 ? EPOLL_CTL_ADD
                                : EPOLL_CTL_MOD;
  if (w->set == events)
    return;
  if (control(s, operation, fd, events))
    w->set = events;
  else
    s->is_blind = true;
}

static uint32_t events_of(int what) {
  return (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
         (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
}

/* Watches a socket of the resolver, which closes it without telling. */
static void want_foreign(struct http_sockets *s, int fd, int what,
                         bool is_watched) {
  if (what == CURL_POLL_REMOVE) {
    control(s, EPOLL_CTL_DEL, fd, 0);
    return;
  }
  if (!control(s, is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
               events_of(what)))
    s->is_blind = true;
  curl_multi_assign(s->multi, fd, s);
}

/* Notes what libcurl wants to know of a socket. One that is no longer used may
 * stay watched for what arrives, but not for room to send, which there always
 * is. */
static int want(CURL *easy, curl_socket_t fd, int what, void *context,
                void *of_socket) {
  struct http_sockets *s = context;
  struct watched *w = find(s, fd);
  (void)easy;
  if (w == NULL) {
    want_foreign(s, fd, what, of_socket != NULL);
    return 0;
  }
  w->wanted = what == CURL_POLL_REMOVE ? 0 : events_of(what);
  watch(s, fd, w, w->wanted != 0 ? w->wanted : w->set & (uint32_t)EPOLLIN);
  return 0;
}

static int note_due(CURLM *multi, long wait_ms, void *context) {
  struct http_sockets *s = context;
  (void)multi;
  s->due_ms = wait_ms < 0 ? INT64_MAX : systime_monotonic_ms() + wait_ms;
  return 0;
}

/* ---- opening and closing ---- */

static bool make_room(struct http_sockets *s, size_t count) {
  size_t more = s->watched_count < 64 ? 64 : s->watched_count;
  if (count <= s->watched_count)
    return true;
  while (more < count)
    more *= 2;
  struct watched *w = realloc(s->watched, more * sizeof(*w));
  if (w == NULL)
    return false;
  memset(w + s->watched_count, 0, (more - s->watched_count) * sizeof(*w));
  s->watched = w;
  s->watched_count = more;
  return true;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *a) {
  struct http_sockets *s = context;
  (void)purpose;
  int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
  if (fd < 0)
    return CURL_SOCKET_BAD;
  if (!make_room(s, (size_t)fd + 1)) {
    close(fd);
    return CURL_SOCKET_BAD;
  }
  s->watched[fd] = (struct watched){.is_open = true};
  return fd;
}

/* Ends watching first: a child process may have the socket, too. */
static int close_socket(void *context, curl_socket_t fd) {
  struct http_sockets *s = context;
  struct watched *w = find(s, fd);
  if (w != NULL) {
    struct kept *k = &s->kept[w->id % ENTRIES];
    if (k->fd == fd)
      k->fd = -1;
    watch(s, fd, w, 0);
    w->is_open = false;
  }
  return close(fd);
}

void http_sockets_serve(struct http_sockets *s, struct http_setup *setup) {
  CURL *easy = setup->easy;
  http_setup_note(
      setup, curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket));
  http_setup_note(setup, curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, s));
  http_setup_note(
      setup, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket));
  http_setup_note(setup, curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s));
}

/* ---- life ---- */

static bool set_up(struct http_sockets *s) {
  CURLM *m = s->multi;
  return s->epoll_fd >= 0 && s->wake_fd >= 0 &&
         control(s, EPOLL_CTL_ADD, s->wake_fd,
                 (uint32_t)EPOLLIN | (uint32_t)EPOLLET) &&
         curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, want) == CURLM_OK &&
         curl_multi_setopt(m, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
         curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, note_due) == CURLM_OK &&
         curl_multi_setopt(m, CURLMOPT_TIMERDATA, s) == CURLM_OK;
}

struct http_sockets *http_sockets_new(CURLM *multi) {
  struct http_sockets *s = calloc(1, sizeof(*s));
  if (s == NULL)
    return NULL;
  s->multi = multi;
  s->due_ms = INT64_MAX;
  s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (size_t i = 0; i < ENTRIES; i++)
    s->kept[i].fd = -1;
  if (set_up(s))
    return s;
  http_sockets_free(s);
  return NULL;
}

static void close_if_open(int fd) {
  if (fd >= 0)
    close(fd);
}

void http_sockets_free(struct http_sockets *s) {
  if (s == NULL)
    return;
  close_if_open(s->epoll_fd);
  close_if_open(s->wake_fd);
  free(s->watched);
  free(s);
}

/* ---- kept connections ---- */

static uint64_t hash_addresses(const char *ip, const char *local_ip, long port,
                               long local_port) {
  uint64_t ports = (uint64_t)port << 16 | (uint64_t)local_port;
  uint64_t hash = hash_number(hash_text(HASH_BEGIN, ip), ports);
  return hash_text(hash, local_ip);
}

static const char *info_text(CURL *easy, CURLINFO info) {
  const char *text = NULL;
  curl_easy_getinfo(easy, info, &text);
  return text != NULL ? text : "";
}

/* libcurl 7.88 does not tell which socket a request is about to use, but the
 * addresses at both ends. */
void http_sockets_note(struct http_sockets *s, CURL *easy) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
  struct watched *w = find(s, fd);
  if (w == NULL || w->id != 0)
    return;
  w->id = hash_addresses(info_text(easy, CURLINFO_PRIMARY_IP),
                         info_text(easy, CURLINFO_LOCAL_IP),
                         http_info_long(easy, CURLINFO_PRIMARY_PORT),
                         http_info_long(easy, CURLINFO_LOCAL_PORT));
  s->kept[w->id % ENTRIES] = (struct kept){.id = w->id, .fd = fd};
}

bool http_sockets_is_quiet(const struct http_sockets *s, const char *ip,
                           const char *local_ip, int port, int local_port) {
  uint64_t id = hash_addresses(ip, local_ip, port, local_port);
  const struct kept *k = &s->kept[id % ENTRIES];
  struct pollfd waiting = {.fd = k->fd, .events = POLLIN};
  return k->id == id && k->fd >= 0 && poll(&waiting, 1, 0) == 0;
}

/* ---- sleeping ---- */

/* libcurl fails here if it has no memory to tell what it waits for. */
static void act(struct http_sockets *s, int fd, int what) {
  int running = 0;
  if (curl_multi_socket_action(s->multi, fd, what, &running) != CURLM_OK)
    s->is_blind = true;
}

/* Hands an event to libcurl. The end of a connection is found by reading. Where
 * there is room to send libcurl looks itself, so that it reads first what has
 * arrived since. What happens on a socket that no transfer uses is found when
 * one is to use it. */
static void take_event(struct http_sockets *s, int fd, uint32_t events) {
  struct watched *w = find(s, fd);
  if (fd == s->wake_fd)
    return;
  if (w != NULL && w->wanted == 0) {
    watch(s, fd, w, 0);
    return;
  }
  act(s, fd, events & (uint32_t)EPOLLOUT ? 0 : CURL_CSELECT_IN);
}

/* While something may happen unseen, has libcurl itself look at all that it
 * waits for: until no transfer is under way any more. */
static void grope(struct http_sockets *s) {
  int running = 0;
  if (!s->is_blind)
    return;
  curl_multi_perform(s->multi, &running);
  s->is_blind = running > 0;
}

static bool is_due(const struct http_sockets *s) {
  return s->due_ms != INT64_MAX && s->due_ms <= systime_monotonic_ms();
}

void http_sockets_run_due(struct http_sockets *s) {
  if (!is_due(s))
    return;
  s->due_ms = INT64_MAX;
  act(s, CURL_SOCKET_TIMEOUT, 0);
}

/* Waits for events and takes them. Returns whether there may be more. */
static bool take_events(struct http_sockets *s, int limit_ms) {
  struct epoll_event events[EVENTS_MAX];
  int count = epoll_wait(s->epoll_fd, events, EVENTS_MAX, limit_ms);
  atomic_store(&s->state, AWAKE);
  for (int i = 0; i < count; i++)
    take_event(s, events[i].data.fd, events[i].events);
  return count == EVENTS_MAX;
}

static int limit_of(const struct http_sockets *s, int64_t limit_ms) {
  int64_t left_ms = s->due_ms - systime_monotonic_ms();
  if (left_ms < limit_ms)
    limit_ms = left_ms;
  if (s->is_blind && limit_ms > NAP_MAX_MS)
    limit_ms = NAP_MAX_MS;
  return limit_ms < 0 ? 0 : limit_ms > INT_MAX ? INT_MAX : (int)limit_ms;
}

void http_sockets_sleep(struct http_sockets *s, int64_t limit_ms) {
  int awake = AWAKE;
  int limit = limit_of(s, limit_ms);
  if (limit > 0 && !atomic_compare_exchange_strong(&s->state, &awake, ASLEEP))
    limit = 0;
  take_events(s, limit);
  grope(s);
  http_sockets_run_due(s);
}

void http_sockets_read(struct http_sockets *s) {
  bool is_more = true;
  for (int i = 0; i < ROUNDS_MAX && is_more; i++) {
    is_more = take_events(s, 0) || is_due(s);
    http_sockets_run_due(s);
  }
  grope(s);
}

void http_sockets_wake(struct http_sockets *s) {
  const uint64_t one = 1;
  if (atomic_exchange(&s->state, WOKEN) != ASLEEP)
    return;
  if (write(s->wake_fd, &one, sizeof(one)) < 0)
    return; /* as often as that it was never read: it wakes all the same */
}
