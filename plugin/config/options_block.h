/* SPDX-License-Identifier: MIT
 *
 * options_block owns the reading of one block of the configuration, option by
 * option, by a table of the options that may be in it, and the list of what is
 * to be said of it. It knows no option by name. A part of `options`: collectd's
 * main thread only.
 *
 * Faults and a lack of memory are kept in the reader, not returned. A wrong
 * option leaves the target as it was, and reading goes on, so that all faults
 * of a configuration are found at once.
 */
#ifndef ONENET_OPTIONS_BLOCK_H
#define ONENET_OPTIONS_BLOCK_H

#include "config/options_data.h"
#include "words/device.h"

#include "liboconfig/oconfig.h"

#include <stdbool.h>
#include <stddef.h>

struct options_kept;
struct options_option;

/* A kind of block. The list of all kinds shows where an option belongs that is
 * in the wrong block. */
struct options_kind {
  const char *block; /* "<Device>"; NULL ends the list */
  const struct options_option *table;
};

/* The reader of the whole configuration. Begins as base_dir, purpose, kinds,
 * options and zeros; ends with options_reader_finish. */
struct options_reader {
  const char *base_dir; /* beginning of relative paths; borrowed */
  enum options_purpose purpose;
  const struct options_kind *kinds; /* all kinds of blocks; borrowed */
  struct options *options;          /* the options being filled in; borrowed */
  size_t place; /* option of <Plugin> being read: remarks are in this order */
  struct options_kept *remarks; /* sorted by place */
  size_t stand_ins;             /* made-up names so far */
  bool out_of_memory;
};

/* Calls tell for each remark, and frees them all. Returns 0 if there was no
 * fault; -EINVAL; -ENOMEM, after which nothing was called, if memory was short.
 */
int options_reader_finish(struct options_reader *r, options_tell_fn *tell,
                          void *context);

/* Keeps a remark, "where: text", on one line. Level, item, file and file_line
 * are taken from `of`; the file is borrowed until options_reader_finish. */
void options_reader_remark(struct options_reader *r,
                           const struct options_remark *of, const char *where,
                           const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Returns p. If p is NULL, keeps a lack of memory. */
void *options_reader_keep(struct options_reader *r, void *p);

/* Return a copy of path that the caller owns, with base_dir before it if it is
 * relative; NULL without memory. A key file is looked up in the directory of
 * systemd's credentials first, where there is one. */
char *options_reader_path(struct options_reader *r, const char *path);
char *options_reader_key_path(struct options_reader *r, const char *path);

/* Returns a fault if something has that name ("a Device has this name
 * already"), else NULL. */
typedef const char *options_taken_fn(const struct options *options,
                                     const char *name);

/* Returns what is wrong with a name, or NULL. The name may be NULL, too. */
const char *options_reader_check_name(const struct options_reader *r,
                                      const char *name,
                                      options_taken_fn *taken);

/* ---- tables ---- */

struct options_block;

/* Reads one option into the block's target. item has at least one value. */
typedef void options_read_fn(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item);

/* A word that an option may have as its value, and the number that stands for
 * it. */
struct options_word {
  const char *word; /* NULL ends the list */
  int value;
};

struct options_option {
  const char *name; /* NULL ends the table */
  options_read_fn *read;
  size_t offset;     /* bytes from the target to the value */
  double min;        /* range of a number */
  double max;        /* of an identifier: characters at most */
  const char *marks; /* of an identifier: what it may hold beside letters and
                        digits */
  const struct options_word *words;
  int argument; /* for the readers of one kind of block */
  int stage;    /* blocks are read stage by stage */
  bool is_block;
  bool is_repeatable;
  bool is_secret; /* the values are never shown */
  bool is_key;    /* the path of a key file */
};

/* ---- blocks ---- */

#define OPTIONS_TITLE_BYTES 160

struct options_block {
  struct options_reader *reader;
  const oconfig_item_t *item;
  const struct options_option *table;
  void *target;
  char name[DEVICE_NAME_BYTES];
  char number[32];                 /* last number that was read as text */
  char title[OPTIONS_TITLE_BYTES]; /* `Device "fan"`: how its faults begin */
};

/* Begins the reading of a block, and writes its title. All is borrowed. The
 * caller sets the target. */
void options_block_begin(struct options_block *b, struct options_reader *r,
                         const oconfig_item_t *item, const char *kind,
                         const struct options_option *table);

/* Reads the name of a block that must have one. A name that is invalid or taken
 * is a fault: the block then gets a made-up name that no valid name equals, so
 * that the rest of it can be checked all the same. */
void options_block_read_name(struct options_block *b, options_taken_fn *taken);

/* Reads the block's options of that stage. Stage 0 finds unknown options. */
void options_block_read(struct options_block *b, int stage);

/* Reads one of the block's options, if it is of that stage. */
void options_block_read_item(struct options_block *b,
                             const oconfig_item_t *item, int stage);

/* Returns the block's first option of that name, or NULL. */
const oconfig_item_t *options_block_find(const struct options_block *b,
                                         const char *name);

/* Keeps a fault of the option and its values: "title: option values: text". */
void options_block_fault(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Keeps a warning, "title: text", of an item of the block; NULL: of the block
 * itself. */
void options_block_warn(struct options_block *b, const oconfig_item_t *item,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps a fault of the option that is passed over, in the same form. */
void options_block_skip(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Keeps a fault of that option if the block has it. */
void options_block_refuse(struct options_block *b, const char *option,
                          const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps the fault that an option is missing: "title: option: missing, must be
 * MUST_BE". */
void options_block_miss(struct options_block *b, const char *option,
                        const char *must_be);

/* Returns whether number is whole, and not beyond 2^53, up to which doubles are
 * exact. */
bool options_block_is_whole(double number);

/* Returns the only value of item as text; a whole number becomes its digits.
 * Returns NULL for anything else. Borrowed until the next call. */
const char *options_block_text(struct options_block *b,
                               const oconfig_item_t *item);

#endif
