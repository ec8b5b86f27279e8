/* SPDX-License-Identifier: MIT
 *
 * One thread does everything: MHD runs in its external mode with epoll, and
 * the loop below waits for MHD's epoll descriptor, for the next delay and for
 * signals. A delayed or hanging exchange is suspended, so that it costs the
 * others nothing, and the store needs no lock: there is nobody to share with.
 * One core of epoll serves tens of thousands of calls a second, more than a
 * thread per connection would, and thousands of idle connections.
 */
#include "sim_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 16384
#define DESCRIPTORS_RESERVED 32 /* of the process's limit, for all the rest */
#define LISTEN_BACKLOG 1024
#define HANGING_CHECK_MS 1000
/* MHD 0.9.75 can miss that a client left when half a request and the end come
 * in one go; without this, such a descriptor would stay for ever. */
#define IDLE_MAX_S 120U

enum step {
  STEP_HEAD,   /* the headers are here */
  STEP_BODY,   /* the body is coming */
  STEP_PARKED, /* suspended */
  STEP_RESUMED,
};

struct exchange {
  TAILQ_ENTRY(exchange) link; /* while parked */
  struct sim_http *server;
  struct MHD_Connection *connection;
  enum step step;
  int64_t due_ms; /* monotonic; when parked with a delay */
  struct sim_request request;
  struct sim_reply reply;
};

TAILQ_HEAD(exchange_list, exchange);

struct sim_http {
  struct sim_cloud *cloud;
  struct MHD_Daemon *daemon;
  int epoll_fd;
  bool stopping;
  bool wants_client_certificates;
  struct exchange_list delayed; /* by due_ms */
  struct exchange_list hanging;
  int64_t next_check_ms; /* of the hanging ones */
};

static int64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

static enum MHD_Result add_pair(void *pairs, enum MHD_ValueKind kind,
                                const char *name, const char *value) {
  (void)kind;
  sim_pairs_add(pairs, name, value);
  return MHD_YES;
}

static void read_head(struct exchange *x, const char *method) {
  x->request.method = sim_buf_copy(method);
  MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, add_pair,
                            &x->request.query);
  MHD_get_connection_values(x->connection, MHD_HEADER_KIND, add_pair,
                            &x->request.headers);
}

static void serve(struct exchange *x) {
  struct sim_cloud *cloud = x->server->cloud;
  const char *path = x->request.path;
  const int64_t wall_ms = clock_ms(CLOCK_REALTIME) + cloud->clock_offset_ms;
  if (strcmp(path, "/sim") == 0 || strncmp(path, "/sim/", 5) == 0)
    sim_control_serve(cloud, &x->request, wall_ms, &x->reply);
  else
    sim_cmds_serve(cloud, &x->request, wall_ms, &x->reply);
}

/* Delays are mostly alike, so the place is nearly always at the end. */
static void insert_by_due(struct exchange_list *list, struct exchange *x) {
  struct exchange *before;
  for (before = TAILQ_LAST(list, exchange_list); before != NULL;
       before = TAILQ_PREV(before, exchange_list, link)) {
    if (before->due_ms <= x->due_ms) {
      TAILQ_INSERT_AFTER(list, before, x, link);
      return;
    }
  }
  TAILQ_INSERT_HEAD(list, x, link);
}

static bool must_park(const struct exchange *x) {
  return x->reply.ending == SIM_ENDING_HANG || x->reply.delay_ms > 0;
}

static void park(struct exchange *x) {
  struct sim_http *server = x->server;
  x->step = STEP_PARKED;
  if (x->reply.ending == SIM_ENDING_HANG) {
    TAILQ_INSERT_TAIL(&server->hanging, x, link);
  } else {
    x->due_ms = monotonic_ms() + x->reply.delay_ms;
    insert_by_due(&server->delayed, x);
  }
  MHD_suspend_connection(x->connection);
}

static void resume(struct exchange_list *list, struct exchange *x) {
  TAILQ_REMOVE(list, x, link);
  x->step = STEP_RESUMED;
  MHD_resume_connection(x->connection);
}

static enum MHD_Result send_reply(struct exchange *x) {
  struct sim_reply *reply = &x->reply;
  struct MHD_Response *response = MHD_create_response_from_buffer(
      reply->body.length, reply->body.data, MHD_RESPMEM_MUST_COPY);
  if (response == NULL)
    return MHD_NO;
  for (size_t i = 0; i < reply->headers.count; i++)
    MHD_add_response_header(response, reply->headers.items[i].name,
                            reply->headers.items[i].value);
  const enum MHD_Result result =
      MHD_queue_response(x->connection, reply->status, response);
  MHD_destroy_response(response);
  return result;
}

/* MHD_NO makes MHD close the connection without a word. */
static enum MHD_Result finish(struct exchange *x) {
  if (x->reply.ending != SIM_ENDING_ANSWER || x->server->stopping)
    return MHD_NO;
  return send_reply(x);
}

/* MHD calls this with the headers, with each piece of the body, at the end,
 * and once more when a suspended connection was resumed. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *upload,
                              size_t *upload_bytes, void **context) {
  struct exchange *x = *context;
  (void)cls, (void)url, (void)version, (void)connection;
  if (x->step == STEP_HEAD) {
    read_head(x, method);
    x->step = STEP_BODY;
    return MHD_YES;
  }
  if (*upload_bytes > 0) {
    sim_request_add_body(&x->request, upload, *upload_bytes);
    *upload_bytes = 0;
    return MHD_YES;
  }
  if (x->step == STEP_BODY) {
    serve(x);
    if (must_park(x)) {
      park(x);
      return MHD_YES;
    }
  }
  return finish(x);
}

/* Called first of all for a request, with its target as it came. */
static void *begin_exchange(void *cls, const char *uri,
                            struct MHD_Connection *connection) {
  struct exchange *x = sim_buf_alloc(1, sizeof(*x));
  x->server = cls;
  x->connection = connection;
  sim_request_set_url(&x->request, uri);
  return x;
}

static void end_exchange(void *cls, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode why) {
  struct exchange *x = *context;
  (void)cls, (void)connection, (void)why;
  if (x == NULL)
    return;
  sim_request_free(&x->request);
  sim_reply_free(&x->reply);
  free(x);
  *context = NULL;
}

/* MHD by itself asks for a client certificate and then takes any, or none.
 * Set before the handshake, this makes the handshake fail instead. */
static void demand_certificate(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  if (info == NULL)
    sim_buf_die("no TLS session to check a client certificate in");
  gnutls_session_t session = info->tls_session;
  gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
  gnutls_session_set_verify_cert(session, NULL, 0);
}

static void notice_connection(void *cls, struct MHD_Connection *connection,
                              void **context,
                              enum MHD_ConnectionNotificationCode what) {
  struct sim_http *server = cls;
  (void)context;
  if (what != MHD_CONNECTION_NOTIFY_STARTED)
    return;
  server->cloud->connections++;
  if (server->wants_client_certificates)
    demand_certificate(connection);
}

/* Returns how many connections the process may have open. */
static unsigned raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 512;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 512;
  if (limit.rlim_cur > CONNECTIONS_MAX + DESCRIPTORS_RESERVED)
    return CONNECTIONS_MAX;
  if (limit.rlim_cur < 2 * DESCRIPTORS_RESERVED)
    return DESCRIPTORS_RESERVED;
  return (unsigned)limit.rlim_cur - DESCRIPTORS_RESERVED;
}

/* Not left to MHD: which errno is left when it fails depends on its version.
 * Returns a descriptor or a negative errno, after which the process ends. */
static int listen_on(uint16_t port) {
  const struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
  };
  const int on = 1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
      listen(fd, LISTEN_BACKLOG) != 0)
    return -errno;
  return fd;
}

static struct MHD_Daemon *start(struct sim_http *server,
                                const struct sim_http_config *config, int fd) {
  const struct MHD_OptionItem tls[] = {
      {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)config->tls_cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)config->tls_key},
      {config->tls_client_ca == NULL ? MHD_OPTION_END
                                     : MHD_OPTION_HTTPS_MEM_TRUST,
       0, (void *)(uintptr_t)config->tls_client_ca},
      {MHD_OPTION_END, 0, NULL},
  };
  const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
  const bool is_tls = config->tls_cert != NULL;
  return MHD_start_daemon(
      (unsigned)MHD_USE_EPOLL | (unsigned)MHD_ALLOW_SUSPEND_RESUME |
          (is_tls ? (unsigned)MHD_USE_TLS : 0),
      config->port, NULL, NULL, handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
      MHD_OPTION_CONNECTION_LIMIT, raise_descriptor_limit(),
      MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MAX_S, MHD_OPTION_URI_LOG_CALLBACK,
      begin_exchange, server, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL,
      MHD_OPTION_NOTIFY_CONNECTION, notice_connection, server, MHD_OPTION_ARRAY,
      is_tls ? tls : none, MHD_OPTION_END);
}

int sim_http_new(const struct sim_http_config *config, struct sim_cloud *cloud,
                 struct sim_http **ret_server) {
  const int fd = listen_on(config->port);
  if (fd < 0)
    return fd;
  struct sim_http *server = sim_buf_alloc(1, sizeof(*server));
  server->cloud = cloud;
  server->wants_client_certificates = config->tls_client_ca != NULL;
  TAILQ_INIT(&server->delayed);
  TAILQ_INIT(&server->hanging);
  server->daemon = start(server, config, fd);
  if (server->daemon == NULL) {
    free(server);
    return -EINVAL;
  }
  server->epoll_fd =
      MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  *ret_server = server;
  return 0;
}

uint16_t sim_http_port(const struct sim_http *server) {
  return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* MHD does not look at a suspended socket; without this look the descriptors
 * of clients that gave up would stay with us. */
static bool client_is_gone(const struct exchange *x) {
  char byte;
  const int fd =
      MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
          ->connect_fd;
  const ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 ||
         (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void resume_gone(struct sim_http *server) {
  struct exchange *x = TAILQ_FIRST(&server->hanging);
  while (x != NULL) {
    struct exchange *next = TAILQ_NEXT(x, link);
    if (client_is_gone(x))
      resume(&server->hanging, x);
    x = next;
  }
}

static void resume_due(struct sim_http *server, int64_t now_ms) {
  struct exchange *x;
  while ((x = TAILQ_FIRST(&server->delayed)) != NULL && x->due_ms <= now_ms)
    resume(&server->delayed, x);
  if (now_ms >= server->next_check_ms) {
    server->next_check_ms = now_ms + HANGING_CHECK_MS;
    resume_gone(server);
  }
}

static void resume_all(struct sim_http *server) {
  struct exchange *x;
  while ((x = TAILQ_FIRST(&server->delayed)) != NULL)
    resume(&server->delayed, x);
  while ((x = TAILQ_FIRST(&server->hanging)) != NULL)
    resume(&server->hanging, x);
}

/* Returns how long nothing will be due, -1 for ever. */
static int64_t idle_ms(const struct sim_http *server) {
  const int64_t now_ms = monotonic_ms();
  const struct exchange *next = TAILQ_FIRST(&server->delayed);
  MHD_UNSIGNED_LONG_LONG mhd_ms;
  int64_t due_ms = INT64_MAX;
  if (MHD_get_timeout(server->daemon, &mhd_ms) == MHD_YES)
    due_ms = now_ms + (int64_t)mhd_ms;
  if (next != NULL && next->due_ms < due_ms)
    due_ms = next->due_ms;
  if (!TAILQ_EMPTY(&server->hanging) && server->next_check_ms < due_ms)
    due_ms = server->next_check_ms;
  if (due_ms == INT64_MAX)
    return -1;
  return due_ms < now_ms ? 0 : due_ms - now_ms;
}

/* The epoll descriptor is among the first of the process, far below
 * FD_SETSIZE; pselect alone takes a signal without a race. */
static void wait_for_work(const struct sim_http *server,
                          const sigset_t *wait_mask) {
  const int64_t timeout_ms = idle_ms(server);
  const struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                   .tv_nsec = timeout_ms % 1000 * 1000000};
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(server->epoll_fd, &readable);
  pselect(server->epoll_fd + 1, &readable, NULL, NULL,
          timeout_ms < 0 ? NULL : &timeout, wait_mask);
}

void sim_http_run(struct sim_http *server, const sigset_t *wait_mask,
                  const volatile sig_atomic_t *stop) {
  while (!*stop) {
    resume_due(server, monotonic_ms());
    MHD_run(server->daemon);
    wait_for_work(server, wait_mask);
  }
}

void sim_http_free(struct sim_http *server) {
  if (server == NULL)
    return;
  server->stopping = true; /* MHD panics over a connection left suspended */
  resume_all(server);
  MHD_run(server->daemon);
  MHD_stop_daemon(server->daemon);
  free(server);
}
