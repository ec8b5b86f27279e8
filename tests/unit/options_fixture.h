/* SPDX-License-Identifier: MIT
 *
 * options_fixture owns what tests of the configuration need around them: a
 * directory with files that configurations name, and what was said of them.
 *
 * In all texts given to it ' stands for " and $DIR for the directory's path.
 */
#ifndef ONENET_OPTIONS_FIXTURE_H
#define ONENET_OPTIONS_FIXTURE_H

#include "basics.h"
#include "config/options.h"

struct options_fixture {
  char directory[64];
  enum options_purpose purpose; /* of readings; OPTIONS_FOR_CHECK at first */
  char faults[16384];           /* the lines told by the last reading */
  char warnings[16384];         /* the lines logged by it */
  char skipped[16384];          /* what it logged as errors, and went on */
  struct options *options;
};

/* A test with a struct options_fixture as its state. There are some small files
 * in its directory. */
#define TEST(name)                                                             \
  cmocka_unit_test_setup_teardown(name, options_fixture_set_up,                \
                                  options_fixture_tear_down)
int options_fixture_set_up(void **state);
int options_fixture_tear_down(void **state);

/* Writes a file of that mode into the directory. */
void options_fixture_write(struct options_fixture *f, const char *name,
                           const char *bytes, size_t size, unsigned int mode);

/* Returns the text with ' and $DIR replaced; the caller frees it. */
char *options_fixture_expand(const struct options_fixture *f, const char *text);

/* Reads a <Plugin onenet> block of these lines, or the one that is in a whole
 * configuration (which is not expanded). Return what options_read does;
 * options, faults and warnings are in the fixture until the next call. */
int options_fixture_read(struct options_fixture *f, const char *lines);
int options_fixture_read_all(struct options_fixture *f,
                             const char *configuration);

/* Lines that are wrong, and the lines that say so. */
struct fault_case {
  const char *lines;
  const char *faults;
};

/* Reads the cases one by one. The test fails unless each is told exactly so,
 * and no fault holds a secret ("s3cret"). */
void options_fixture_check(struct options_fixture *f,
                           const struct fault_case *cases, size_t count);

/* ---- configurations that are right ---- */

#define CLOUD                                                                  \
  "<Endpoint cloud>\nURL 'https://cloud.test/cmds'\nAPIKey "                   \
  "'k3y'\n</Endpoint>\n"
#define FAN "<Device fan>\nDeviceID '8029377'\n</Device>\n"

/* Reads lines that are right. Returns the options, borrowed. */
const struct options *read_lines(struct options_fixture *f, const char *lines);

/* The text is the expected one, expanded. */
void assert_expands_to(const struct options_fixture *f, const char *actual,
                       const char *expected);

/* A FAILURE of 41.5 degrees in rack7. */
extern const struct event HOT;

/* The event fires these: "RULE DEVICE CONTENT-TYPE BODY", one a line. */
void assert_fires(const struct options *o, const struct event *event,
                  const char *expected);

#endif
