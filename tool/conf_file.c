/* SPDX-License-Identifier: MIT */
#include "conf_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wordexp.h>

#define TEXT_BYTES 1024

struct place {
  const char *path;
  int line;
};

struct conf_file {
  oconfig_item_t *items; /* the root, and behind it all others, those of one
                            block side by side */
  struct place *places;  /* of the same index */
  size_t count;
  char **paths;
  size_t path_count;
};

struct reader {
  struct conf_file *conf;
  bool has_fault;
  bool out_of_memory;
  conf_note_fn *note;
  void *context;
};

/* An Include, or the file that -C names. */
struct inclusion {
  const char *path; /* where it stands */
  int line;
  const char *filter; /* NULL: none */
  int depth;          /* of the files that are included */
  bool is_listed;     /* what is included was found in a directory */
  struct conf_node *root;
};

static void pass_note(void *context, enum conf_level level, const char *path,
                      int line, const char *text) {
  struct reader *r = context;
  r->has_fault |= level == CONF_FAULT;
  r->note(r->context, level, path, line, text);
}

static void note_at(struct reader *r, enum conf_level level,
                    const struct inclusion *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note_at(struct reader *r, enum conf_level level,
                    const struct inclusion *at, const char *format, ...) {
  char text[TEXT_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  pass_note(r, level, at->path, at->line, text);
}

/* The file that -C names stands for itself. */
static void note_unread(struct reader *r, enum conf_level level,
                        const struct inclusion *at, const char *path, int why) {
  if (at->depth == 0)
    note_at(r, level, at, "can not be read: %s", strerror(why));
  else
    note_at(r, level, at, "%s: can not be read: %s", path, strerror(why));
}

/* ---- files ---- */

/* Keeps a copy of the path for the life of the tree. NULL without memory. */
static const char *keep_path(struct reader *r, const char *path) {
  struct conf_file *c = r->conf;
  char **grown = realloc(c->paths, (c->path_count + 1) * sizeof(*grown));
  char *copy = strdup(path);
  if (grown != NULL)
    c->paths = grown;
  if (grown == NULL || copy == NULL) {
    free(copy);
    r->out_of_memory = true;
    return NULL;
  }
  c->paths[c->path_count++] = copy;
  return copy;
}

/* Reads all of the file, and a NUL behind it. Returns NULL and writes why not;
 * why is 0 without memory. */
static char *load_file(const char *path, size_t *ret_size, int *ret_why) {
  struct stat status;
  char *text = NULL;
  *ret_why = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &status) != 0)
    *ret_why = errno;
  else if (!S_ISREG(status.st_mode))
    *ret_why = EINVAL;
  else if (status.st_size > CONF_FILE_BYTES_MAX)
    *ret_why = EFBIG;
  else if ((text = malloc((size_t)status.st_size + 1)) != NULL) {
    ssize_t size = read(fd, text, (size_t)status.st_size);
    *ret_why = size < 0 ? errno : 0;
    *ret_size = size < 0 ? 0 : (size_t)size;
    text[*ret_size] = '\0';
  }
  if (fd >= 0)
    close(fd);
  return text;
}

static void resolve_includes(struct reader *r, struct conf_node *root,
                             int depth);

static void read_text(struct reader *r, const struct inclusion *at,
                      const char *path, const char *text, size_t size) {
  const char *kept = keep_path(r, path);
  struct conf_node *root = NULL;
  if (kept == NULL)
    return;
  if (conf_text_parse(kept, text, size, pass_note, r, &root) != 0) {
    r->out_of_memory = true;
    return;
  }
  resolve_includes(r, root, at->depth);
  conf_node_take_all(at->root, root);
}

static void read_file(struct reader *r, const struct inclusion *at,
                      const char *path) {
  size_t size = 0;
  int why;
  if (r->conf->path_count == CONF_FILE_COUNT_MAX) {
    note_at(r, CONF_FAULT, at, "%s: more than %d files are included", path,
            CONF_FILE_COUNT_MAX);
    return;
  }
  char *text = load_file(path, &size, &why);
  if (why != 0)
    note_unread(r, CONF_FAULT, at, path, why);
  else if (text == NULL)
    r->out_of_memory = true;
  else
    read_text(r, at, path, text, size);
  free(text);
}

static bool passes(const struct inclusion *at, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  return at->filter == NULL || fnmatch(at->filter, name, 0) == 0;
}

/* ---- directories ---- */

static int is_visible(const struct dirent *e) { return e->d_name[0] != '.'; }

static int compare(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static void include(struct reader *r, const struct inclusion *at,
                    const char *pattern);

/* Reads a file of a directory. Its path is taken for a pattern once more. */
static void read_entry(struct reader *r, const struct inclusion *at,
                       const char *directory, const char *name) {
  struct inclusion entry = *at;
  entry.is_listed = true;
  size_t bytes = strlen(directory) + strlen(name) + 2;
  char *path = malloc(bytes);
  if (path == NULL) {
    r->out_of_memory = true;
    return;
  }
  snprintf(path, bytes, "%s/%s", directory, name);
  include(r, &entry, path);
  free(path);
}

static void read_directory(struct reader *r, const struct inclusion *at,
                           const char *path) {
  struct dirent **entries;
  int count = scandir(path, &entries, is_visible, compare);
  if (count < 0) {
    note_unread(r, CONF_FAULT, at, path, errno);
    return;
  }
  for (int i = 0; i < count; i++) {
    read_entry(r, at, path, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
}

/* ---- includes ---- */

/* A file of a directory that the Filter leaves out is passed over. One that is
 * named must not be left out: collectd would not start. */
static void read_path(struct reader *r, const struct inclusion *at,
                      const char *path) {
  struct stat status;
  if (stat(path, &status) != 0)
    note_unread(r, at->depth > 0 ? CONF_WARNING : CONF_FAULT, at, path, errno);
  else if (S_ISDIR(status.st_mode))
    read_directory(r, at, path);
  else if (!S_ISREG(status.st_mode))
    note_at(r, CONF_WARNING, at,
            "%s: is not read: neither a file nor a directory", path);
  else if (passes(at, path))
    read_file(r, at, path);
  else if (!at->is_listed)
    note_at(r, CONF_FAULT, at,
            "%s: its Filter \"%s\" leaves this file out, and collectd does not "
            "start: a Filter goes with a directory",
            path, at->filter);
}

static int compare_words(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads what the pattern stands for, in the order of the names. */
static void include(struct reader *r, const struct inclusion *at,
                    const char *pattern) {
  wordexp_t words;
  if (at->depth >= CONF_FILE_DEPTH_MAX) {
    note_at(r, CONF_FAULT, at, "%s: more than %d files include each other",
            pattern, CONF_FILE_DEPTH_MAX);
    return;
  }
  int status = wordexp(pattern, &words, WRDE_NOCMD);
  if (status == WRDE_NOSPACE) {
    r->out_of_memory = true;
    return;
  }
  if (status != 0) {
    note_at(r, at->is_listed ? CONF_WARNING : CONF_FAULT, at,
            "%s: can not be expanded as a shell does: put \\\\ before special "
            "characters",
            pattern);
    return;
  }
  qsort(words.we_wordv, words.we_wordc, sizeof(char *), compare_words);
  for (size_t i = 0; i < words.we_wordc && !r->out_of_memory; i++)
    read_path(r, at, words.we_wordv[i]);
  wordfree(&words);
}

static bool is_one_text(const struct conf_node *n) {
  return n->values_num == 1 && n->values[0].type == OCONFIG_TYPE_STRING;
}

/* Returns the Filter of an Include; NULL if it has none. */
static const char *find_filter(struct reader *r, const struct inclusion *at,
                               const struct conf_node *n) {
  const char *filter = NULL;
  for (const struct conf_node *c = n->first; c != NULL; c = c->next) {
    if (strcasecmp(c->key, "Filter") != 0)
      note_at(r, CONF_WARNING, at, "%s: only Filter may be in an Include",
              c->key);
    else if (!is_one_text(c))
      note_at(r, CONF_WARNING, at, "Filter must be one text in quotes");
    else
      filter = c->values[0].value.string;
  }
  return filter;
}

/* Replaces the Include by what it includes. Returns the item behind it. */
static struct conf_node *resolve(struct reader *r, struct conf_node *n,
                                 int depth) {
  struct inclusion at = {.path = n->path, .line = n->line, .depth = depth};
  if (!is_one_text(n)) {
    note_at(r, CONF_WARNING, &at,
            "Include must be one text in quotes: nothing is included");
    return n->next;
  }
  at.filter = find_filter(r, &at, n);
  at.root = conf_node_new(n->path, n->line, NULL);
  if (at.root == NULL) {
    r->out_of_memory = true;
    return n->next;
  }
  include(r, &at, n->values[0].value.string);
  return conf_node_replace(n, at.root);
}

static void resolve_includes(struct reader *r, struct conf_node *root,
                             int depth) {
  struct conf_node *n = root->first;
  while (n != NULL && !r->out_of_memory)
    n = strcasecmp(n->key, "Include") == 0 ? resolve(r, n, depth + 1) : n->next;
}

/* ---- the tree ---- */

static size_t count_items(const struct conf_node *n) {
  size_t count = 1;
  for (const struct conf_node *c = n->first; c != NULL; c = c->next)
    count += count_items(c);
  return count;
}

/* Moves the item's contents to that index, and its children to the next free
 * ones, side by side. */
static void lay_out(struct conf_file *c, struct conf_node *n, size_t index) {
  oconfig_item_t *item = &c->items[index];
  size_t at = c->count;
  c->places[index] = (struct place){n->path, n->line};
  item->key = n->key;
  item->values = n->values;
  item->values_num = n->values_num;
  n->key = NULL;
  n->values = NULL;
  n->values_num = 0;
  if (n->first == NULL)
    return;
  item->children = &c->items[at];
  item->children_num = n->children_num;
  c->count += (size_t)n->children_num;
  for (struct conf_node *child = n->first; child != NULL; child = child->next)
    lay_out(c, child, at++);
}

/* Takes the nodes. Returns 0 or -ENOMEM. */
static int make_tree(struct conf_file *c, struct conf_node *root) {
  size_t count = count_items(root);
  c->items = calloc(count, sizeof(*c->items));
  c->places = calloc(count, sizeof(*c->places));
  if (c->items == NULL || c->places == NULL)
    return -ENOMEM;
  c->count = 1;
  lay_out(c, root, 0);
  return 0;
}

/* Takes the root, makes the tree of it, or frees all without memory. */
static int finish(struct reader *r, struct conf_node *root,
                  struct conf_file **ret_conf) {
  int status = r->out_of_memory ? -ENOMEM : make_tree(r->conf, root);
  conf_node_free(root);
  if (status == 0)
    *ret_conf = r->conf;
  else
    conf_file_free(r->conf);
  return status;
}

/* Begins an empty tree. Returns its root, NULL without memory. */
static struct conf_node *begin(struct reader *r, struct inclusion *at) {
  r->conf = calloc(1, sizeof(*r->conf));
  if (r->conf == NULL)
    return NULL;
  at->root = conf_node_new(at->path, at->line, NULL);
  if (at->root == NULL)
    conf_file_free(r->conf);
  return at->root;
}

int conf_file_read(const char *path, conf_note_fn *note, void *context,
                   struct conf_file **ret_conf) {
  struct reader r = {.note = note, .context = context};
  struct inclusion at = {.path = path};
  if (begin(&r, &at) == NULL)
    return -ENOMEM;
  include(&r, &at, path);
  if (at.root->children_num == 0 && !r.has_fault && !r.out_of_memory)
    note_at(&r, CONF_FAULT, &at, "there is nothing in it");
  return finish(&r, at.root, ret_conf);
}

int conf_file_read_text(const char *path, const char *text, conf_note_fn *note,
                        void *context, struct conf_file **ret_conf) {
  struct reader r = {.note = note, .context = context};
  struct inclusion at = {.path = path};
  if (begin(&r, &at) == NULL)
    return -ENOMEM;
  const char *kept = keep_path(&r, path);
  struct conf_node *root = NULL;
  if (kept == NULL ||
      conf_text_parse(kept, text, strlen(text), pass_note, &r, &root) != 0)
    r.out_of_memory = true;
  else
    conf_node_take_all(at.root, root);
  return finish(&r, at.root, ret_conf);
}

const oconfig_item_t *conf_file_root(const struct conf_file *conf) {
  return &conf->items[0];
}

int conf_file_place(const struct conf_file *conf, const oconfig_item_t *item,
                    const char **ret_path, int *ret_line) {
  uintptr_t at = (uintptr_t)item, first = (uintptr_t)conf->items;
  if (at < first || at >= first + conf->count * sizeof(*item))
    return -ENOENT;
  const struct place *place = &conf->places[item - conf->items];
  *ret_path = place->path;
  *ret_line = place->line;
  return 0;
}

static void free_values(oconfig_item_t *item) {
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type == OCONFIG_TYPE_STRING)
      free(item->values[i].value.string);
  free(item->values);
  free(item->key);
}

void conf_file_free(struct conf_file *conf) {
  if (conf == NULL)
    return;
  for (size_t i = 0; i < conf->count; i++)
    free_values(&conf->items[i]);
  for (size_t i = 0; i < conf->path_count; i++)
    free(conf->paths[i]);
  free(conf->items);
  free(conf->places);
  free(conf->paths);
  free(conf);
}
