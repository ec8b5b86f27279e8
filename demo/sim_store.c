/* SPDX-License-Identifier: MIT */
#include "sim_store.h"
#include "sim_uuid.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A command is in exactly one list: its device's, while a later login may
 * still deliver it, or the store's list of settled ones, which is trimmed. */
struct command {
  TAILQ_ENTRY(command) link;
  struct device *waits_at; /* NULL: settled */
  struct sim_message *message;
  enum sim_status status;
  int64_t until_wall_ms; /* valid before this */
  int64_t sent_wall_ms;
  struct sim_buf answer;
};

TAILQ_HEAD(command_list, command);

struct device {
  TAILQ_ENTRY(device) link;
  char *id;
  bool online;
  char *answer; /* NULL: does not answer by itself */
  bool silent;
  int64_t reply_code;
  int64_t wait_ms;
  char *failure; /* NULL: none */
  uint64_t received;
  struct command_list waiting;
};

TAILQ_HEAD(device_list, device);

struct sim_store {
  struct sim_store_config config;
  struct sim_execlog *execlog;
  struct sim_uuid_source uuids;
  struct device_list devices;
  void *devices_by_id; /* tsearch(3) */
  void *commands_by_uuid;
  size_t device_count;
  size_t waiting_count;
  struct command_list settled;
  size_t settled_count;
};

const char *sim_status_text(enum sim_status status) {
  /* The one text that was seen on the wire is lower-case. */
  static const char *const texts[] = {
      "device not online",
      "command created",
      "command sent",
      "send command failed",
      "command response received",
      "command response timeout",
      "command response too large",
  };
  return texts[status];
}

static int compare_devices(const void *a, const void *b) {
  const struct device *left = a;
  const struct device *right = b;
  return strcmp(left->id, right->id);
}

static int compare_commands(const void *a, const void *b) {
  const struct command *left = a;
  const struct command *right = b;
  return strcmp(left->message->uuid, right->message->uuid);
}

static struct device *find_device(const struct sim_store *store,
                                  const char *id) {
  struct sim_buf copy = {0}; /* the key is a device with nothing but an id */
  sim_buf_add(&copy, id);
  const struct device key = {.id = copy.data};
  struct device **found =
      tfind(&key, (void *const *)&store->devices_by_id, compare_devices);
  sim_buf_free(&copy);
  return found == NULL ? NULL : *found;
}

static struct command *find_command(const struct sim_store *store,
                                    const char *uuid) {
  struct sim_message message = {0};
  if (strlen(uuid) != SIM_UUID_SIZE - 1)
    return NULL;
  memcpy(message.uuid, uuid, SIM_UUID_SIZE);
  const struct command key = {.message = &message};
  struct command **found =
      tfind(&key, (void *const *)&store->commands_by_uuid, compare_commands);
  return found == NULL ? NULL : *found;
}

struct sim_store *sim_store_new(const struct sim_store_config *config,
                                struct sim_execlog *execlog) {
  struct sim_store *store = sim_buf_alloc(1, sizeof(*store));
  store->config = *config;
  store->execlog = execlog;
  sim_uuid_init(&store->uuids);
  TAILQ_INIT(&store->devices);
  TAILQ_INIT(&store->settled);
  return store;
}

static void forget_command(struct sim_store *store, struct command *command) {
  tdelete(command, &store->commands_by_uuid, compare_commands);
  sim_message_drop(command->message);
  sim_buf_free(&command->answer);
  free(command);
}

static void drop_oldest_settled(struct sim_store *store) {
  struct command *oldest = TAILQ_FIRST(&store->settled);
  TAILQ_REMOVE(&store->settled, oldest, link);
  store->settled_count--;
  forget_command(store, oldest);
}

/* Works out what the passing of time has made of a command. */
static void refresh(const struct sim_store *store, struct command *command,
                    int64_t wall_ms) {
  const int64_t answer_ms = store->config.answer_timeout_s * 1000;
  if (command->status == SIM_STATUS_CREATED &&
      wall_ms >= command->until_wall_ms)
    command->status = SIM_STATUS_NOT_ONLINE;
  else if (command->status == SIM_STATUS_SENT && answer_ms > 0 &&
           wall_ms >= command->sent_wall_ms + answer_ms)
    command->status = SIM_STATUS_ANSWER_TIMEOUT;
}

/* Returns whether the next login of the device would deliver the command:
 * it was kept, or it has qos 1 and the device did not answer it. */
static bool awaits_login(const struct command *command, int64_t wall_ms) {
  if (command->status == SIM_STATUS_CREATED)
    return true;
  return command->status == SIM_STATUS_SENT && command->message->qos == 1 &&
         wall_ms < command->until_wall_ms;
}

/* Puts a command that is in no list into the one where it belongs. */
static void shelve(struct sim_store *store, struct device *device,
                   struct command *command, int64_t wall_ms) {
  if (awaits_login(command, wall_ms)) {
    command->waits_at = device;
    TAILQ_INSERT_TAIL(&device->waiting, command, link);
    store->waiting_count++;
    return;
  }
  command->waits_at = NULL;
  TAILQ_INSERT_TAIL(&store->settled, command, link);
  if (++store->settled_count > store->config.keep)
    drop_oldest_settled(store);
}

static void unshelve(struct sim_store *store, struct command *command) {
  if (command->waits_at == NULL) {
    TAILQ_REMOVE(&store->settled, command, link);
    store->settled_count--;
    return;
  }
  TAILQ_REMOVE(&command->waits_at->waiting, command, link);
  store->waiting_count--;
}

static void take_answer(struct command *command, const char *bytes,
                        size_t length) {
  if (length > SIM_ANSWER_MAX) {
    command->status = SIM_STATUS_ANSWER_TOO_LARGE;
    return;
  }
  command->status = SIM_STATUS_ANSWERED;
  sim_buf_add_bytes(&command->answer, bytes, length);
}

static void deliver(struct sim_store *store, struct device *device,
                    struct command *command, int64_t wall_ms) {
  sim_execlog_record(store->execlog, command->message, wall_ms);
  device->received++;
  command->status = SIM_STATUS_SENT;
  command->sent_wall_ms = wall_ms;
  if (device->answer != NULL)
    take_answer(command, device->answer, strlen(device->answer));
}

/* Goes through what waits at a device: tells what time has made of each, and
 * delivers what is still valid if `login`. */
static void sweep(struct sim_store *store, struct device *device, bool login,
                  int64_t wall_ms) {
  struct command_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
  struct command *command;
  TAILQ_CONCAT(&waiting, &device->waiting, link);
  while ((command = TAILQ_FIRST(&waiting)) != NULL) {
    TAILQ_REMOVE(&waiting, command, link);
    store->waiting_count--;
    refresh(store, command, wall_ms);
    if (login && awaits_login(command, wall_ms))
      deliver(store, device, command, wall_ms);
    shelve(store, device, command, wall_ms);
  }
}

static void sweep_all(struct sim_store *store, int64_t wall_ms) {
  struct device *device;
  for (device = TAILQ_FIRST(&store->devices); device != NULL;
       device = TAILQ_NEXT(device, link))
    sweep(store, device, false, wall_ms);
}

static struct device *add_device(struct sim_store *store, const char *id) {
  struct device *device = sim_buf_alloc(1, sizeof(*device));
  device->id = sim_buf_copy(id);
  device->online = true;
  TAILQ_INIT(&device->waiting);
  TAILQ_INSERT_TAIL(&store->devices, device, link);
  if (tsearch(device, &store->devices_by_id, compare_devices) == NULL)
    sim_buf_die("out of memory");
  store->device_count++;
  return device;
}

/* Puts a copy in the place of the old text; NULL leaves it, "" takes it away.
 */
static void replace_text(char **text, const char *changed) {
  if (changed == NULL)
    return;
  free(*text);
  *text = changed[0] == '\0' ? NULL : sim_buf_copy(changed);
}

bool sim_store_put_device(struct sim_store *store, const char *id,
                          const struct sim_device_change *change,
                          int64_t wall_ms) {
  struct device *device = find_device(store, id);
  const bool is_new = device == NULL;
  if (is_new)
    device = add_device(store, id);
  replace_text(&device->answer, change->answer);
  replace_text(&device->failure, change->failure);
  if (change->set_silent)
    device->silent = change->silent;
  if (change->reply_code >= 0)
    device->reply_code = change->reply_code;
  if (change->wait_ms >= 0)
    device->wait_ms = change->wait_ms;
  if (change->set_online) {
    const bool login = change->online && !device->online;
    device->online = change->online;
    sweep(store, device, login, wall_ms);
  }
  return is_new;
}

static void free_device(struct sim_store *store, struct device *device) {
  TAILQ_REMOVE(&store->devices, device, link);
  tdelete(device, &store->devices_by_id, compare_devices);
  store->device_count--;
  free(device->id);
  free(device->answer);
  free(device->failure);
  free(device);
}

/* After this, nothing waits at the device. */
static void fail_waiting(struct sim_store *store, struct device *device,
                         int64_t wall_ms) {
  struct command *command;
  while ((command = TAILQ_FIRST(&device->waiting)) != NULL) {
    unshelve(store, command);
    refresh(store, command, wall_ms);
    if (command->status == SIM_STATUS_CREATED)
      command->status = SIM_STATUS_FAILED;
    command->until_wall_ms = wall_ms;
    shelve(store, device, command, wall_ms);
  }
}

int sim_store_remove_device(struct sim_store *store, const char *id,
                            int64_t wall_ms) {
  struct device *device = find_device(store, id);
  if (device == NULL)
    return -ENOENT;
  fail_waiting(store, device, wall_ms);
  free_device(store, device);
  return 0;
}

static struct device *find_or_create(struct sim_store *store, const char *id) {
  struct device *device = find_device(store, id);
  if (device == NULL && store->config.auto_create)
    device = add_device(store, id);
  return device;
}

bool sim_store_read_manner(struct sim_store *store, const char *id,
                           struct sim_manner *ret_manner) {
  const struct device *device = find_or_create(store, id);
  if (device == NULL)
    return false;
  *ret_manner = (struct sim_manner){.online = device->online,
                                    .silent = device->silent,
                                    .reply_code = device->reply_code,
                                    .wait_ms = device->wait_ms,
                                    .answer = device->answer,
                                    .failure = device->failure};
  return true;
}

void sim_store_make_uuid(struct sim_store *store,
                         char ret_uuid[static SIM_UUID_SIZE]) {
  sim_uuid_next(&store->uuids, ret_uuid);
}

bool sim_store_has_device(const struct sim_store *store, const char *id) {
  return find_device(store, id) != NULL;
}

static struct sim_message *make_message(struct sim_store *store,
                                        const struct sim_draft *draft) {
  struct sim_message *message = sim_buf_alloc(1, sizeof(*message));
  message->references = 1;
  sim_uuid_next(&store->uuids, message->uuid);
  message->device_id = sim_buf_copy(draft->device_id);
  message->content_type = sim_buf_copy(draft->content_type);
  sim_buf_add_bytes(&message->body, draft->body, draft->body_bytes);
  message->qos = draft->qos;
  message->timeout_s = draft->timeout_s;
  return message;
}

static struct command *add_command(struct sim_store *store,
                                   const struct sim_draft *draft,
                                   int64_t wall_ms) {
  struct command *command = sim_buf_alloc(1, sizeof(*command));
  command->message = make_message(store, draft);
  command->status = SIM_STATUS_CREATED;
  command->until_wall_ms = wall_ms + draft->timeout_s * 1000;
  if (tsearch(command, &store->commands_by_uuid, compare_commands) == NULL)
    sim_buf_die("out of memory");
  return command;
}

static bool has_room(struct sim_store *store, int64_t wall_ms) {
  if (store->waiting_count >= store->config.keep)
    sweep_all(store, wall_ms);
  return store->waiting_count < store->config.keep;
}

enum sim_errno sim_store_send(struct sim_store *store,
                              const struct sim_draft *draft, int64_t wall_ms,
                              char ret_uuid[static SIM_UUID_SIZE],
                              bool *ret_received) {
  struct device *device = find_or_create(store, draft->device_id);
  if (device == NULL)
    return SIM_NOT_FOUND;
  if (!device->online && draft->timeout_s == 0)
    return SIM_DEVICE_NOT_ONLINE;
  if ((!device->online || draft->qos == 1) && !has_room(store, wall_ms))
    return SIM_SYSTEM_LIMIT;
  struct command *command = add_command(store, draft, wall_ms);
  memcpy(ret_uuid, command->message->uuid, SIM_UUID_SIZE);
  *ret_received = device->online;
  if (device->online)
    deliver(store, device, command, wall_ms);
  shelve(store, device, command, wall_ms);
  return SIM_SUCC;
}

int sim_store_find_command(struct sim_store *store, const char *uuid,
                           int64_t wall_ms, enum sim_status *ret_status,
                           const struct sim_buf **ret_answer) {
  struct command *command = find_command(store, uuid);
  if (command == NULL)
    return -ENOENT;
  refresh(store, command, wall_ms);
  *ret_status = command->status;
  *ret_answer =
      command->status == SIM_STATUS_ANSWERED ? &command->answer : NULL;
  return 0;
}

int sim_store_answer(struct sim_store *store, const char *device_id,
                     const char *uuid, const char *bytes, size_t length,
                     int64_t wall_ms) {
  struct device *device = find_device(store, device_id);
  struct command *command = find_command(store, uuid);
  if (device == NULL || command == NULL ||
      strcmp(command->message->device_id, device_id) != 0)
    return -ENOENT;
  refresh(store, command, wall_ms);
  if (command->status != SIM_STATUS_SENT)
    return -EINVAL;
  unshelve(store, command);
  take_answer(command, bytes, length);
  shelve(store, device, command, wall_ms);
  return 0;
}

/* Counts what a login now would deliver. */
static size_t count_waiting(const struct sim_store *store,
                            const struct device *device, int64_t wall_ms) {
  size_t count = 0;
  struct command *command;
  for (command = TAILQ_FIRST(&device->waiting); command != NULL;
       command = TAILQ_NEXT(command, link)) {
    refresh(store, command, wall_ms);
    if (awaits_login(command, wall_ms))
      count++;
  }
  return count;
}

static void add_device_json(const struct sim_store *store,
                            const struct device *device, int64_t wall_ms,
                            struct sim_buf *buf) {
  sim_buf_add(buf, "{\"id\":");
  sim_buf_add_json(buf, device->id);
  sim_buf_addf(buf,
               ",\"online\":%s,\"answer\":", device->online ? "true" : "false");
  sim_buf_add_json(buf, device->answer);
  sim_buf_addf(buf, ",\"waiting\":%zu,\"received\":%" PRIu64 "}",
               count_waiting(store, device, wall_ms), device->received);
}

void sim_store_add_device_json(const struct sim_store *store, const char *id,
                               int64_t wall_ms, struct sim_buf *buf) {
  add_device_json(store, find_device(store, id), wall_ms, buf);
}

void sim_store_add_devices_json(const struct sim_store *store, int64_t wall_ms,
                                struct sim_buf *buf) {
  const char *before = "[";
  const struct device *device;
  for (device = TAILQ_FIRST(&store->devices); device != NULL;
       device = TAILQ_NEXT(device, link)) {
    sim_buf_add(buf, before);
    add_device_json(store, device, wall_ms, buf);
    before = ",\n";
  }
  sim_buf_add(buf, before[0] == '[' ? "[]" : "]");
}

size_t sim_store_count_devices(const struct sim_store *store) {
  return store->device_count;
}

void sim_store_free(struct sim_store *store) {
  if (store == NULL)
    return;
  struct device *device;
  while ((device = TAILQ_FIRST(&store->devices)) != NULL) {
    fail_waiting(store, device, INT64_MAX);
    free_device(store, device);
  }
  while (store->settled_count > 0)
    drop_oldest_settled(store);
  free(store);
}
