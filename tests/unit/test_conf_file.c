/* SPDX-License-Identifier: MIT */
#include "conf_file.h"

#include "basics.h"
#include "conf_print.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All that was said of the last configuration, "LINE: text" a line; a warning
 * has a ? before its text. */
struct notes {
  char text[8192];
  size_t fault_count;
};

static void keep_note(void *context, enum conf_level level, const char *path,
                      int line, const char *text) {
  struct notes *n = context;
  size_t used = strlen(n->text);
  const char *slash = strrchr(path, '/');
  snprintf(n->text + used, sizeof(n->text) - used, "%s:%d: %s%s\n",
           slash != NULL ? slash + 1 : path, line,
           level == CONF_WARNING ? "?" : "", text);
  n->fault_count += level == CONF_FAULT;
}

static char *read_and_print(const char *text, struct notes *notes) {
  struct conf_file *conf;
  *notes = (struct notes){.text = ""};
  assert_int_equal(conf_file_read_text("conf", text, keep_note, notes, &conf),
                   0);
  char *printed = conf_print(conf_file_root(conf));
  assert_non_null(printed);
  conf_file_free(conf);
  return printed;
}

/* ---- what is read ---- */

static const char *const right[][2] = {
    {"", ""},
    {"\n\n", ""},
    {"# nothing", ""},
    {"A 1\n", "A 1\n"},
    {"  A\t1 \n", "A 1\n"},
    {"A 1 # one\n", "A 1\n"},
    {"A \"#\" # one\n", "A \"#\"\n"},
    {"A 1\r\nB 2\r\n", "A 1\nB 2\n"},
    {"A \\\n 1\n", "A 1\n"},
    {"A \\\r\n 1\n", "A 1\n"},
    {"A 1 # ends here \\\nB 2\n", "A 1\nB 2\n"},
    {"a_1 b_2\n", "a_1 \"b_2\"\n"},
    /* booleans */
    {"A true yes on false no off\n", "A true true true false false false\n"},
    {"A True YES offs\n", "A \"True\" \"YES\" \"offs\"\n"},
    {"A \"true\"\n", "A \"true\"\n"},
    /* numbers */
    {"A 0 012 0x1F 0X1f -5 +5\n", "A 0 12 31 31 -5 5\n"},
    {"A 0.5 .5 -.5 1.5e+2 1.5E-1\n",
     "A 5.00000000000000000e-01 5.00000000000000000e-01 "
     "-5.00000000000000000e-01 150 1.49999999999999994e-01\n"},
    {"A 1.5e2\n", "A 1.50000000000000000e+00 \"e2\"\n"},
    {"A 1e+5\n", "A \"1e\" 5\n"},
    {"A 12abc 0x 0xg\n", "A \"12abc\" \"0x\" \"0xg\"\n"},
    {"A 5-3\n", "A 5 -3\n"},
    {"A -0x1F\n", "A -0 \"x1F\"\n"},
    {"A 1.0e+999\n", "A 1.0e+999\n"},
    /* addresses */
    {"A 1.2.3.4 255.255.255.255:65535\n",
     "A \"1.2.3.4\" \"255.255.255.255:65535\"\n"},
    {"A 1.2.3.256\n", "A \"1.2.3.25\" 6\n"},
    {"A 1.2.3.4:70000\n", "A \"1.2.3.4:7000\" 0\n"},
    {"A ::1 fe80::1 1:2:3:4:5:6:7:8 ::\n",
     "A \"::1\" \"fe80::1\" \"1:2:3:4:5:6:7:8\" \"::\"\n"},
    {"A [::1]:25826 ::ffff:1.2.3.4 1:2:3:4:5:6:1.2.3.4:80\n",
     "A \"[::1]:25826\" \"::ffff:1.2.3.4\" \"1:2:3:4:5:6:1.2.3.4:80\"\n"},
    {"::1 A\n", "::1 \"A\"\n"},
    /* texts in quotes */
    {"A \"\"\n", "A \"\"\n"},
    {"A \"a b\" \"c\"\n", "A \"a b\" \"c\"\n"},
    {"A \"a\"\"b\"\n", "A \"a\" \"b\"\n"},
    {"A \"\\\"\\\\\\a\\n\"\n", "A \"\\\"\\\\an\"\n"},
    {"A \"a\nb\"\n", "A \"a\nb\"\n"},
    {"A \"a\\\nb\"\n", "A \"ab\"\n"},
    {"A \"a\\\n  \t b\"\n", "A \"ab\"\n"},
    {"A \"a \\\n b \\\n c\"\n", "A \"a b c\"\n"},
    {"A \"a\\\nb\\\\c\"\n", "A \"ab\\\\c\"\n"},
    {"A \"a\\\r\n  b\"\n", "A \"a\r\n  b\"\n"},
    {"A \"a\\\r\n  b\\\n  c\"\n", "A \"a\r\n  bc\"\n"},
    /* A continued line takes its first character as it stands. */
    {"A \"a\\\n\" b\"\n", "A \"a\\\" b\"\n"},
    {"A \"a\\\n\\\"\n", "A \"a\"\n"},
    {"A \"a b\\\r\n\\\"\n", "A \"a b\"\n"},
    {"A \"a\\\n\n\"\n", "A \"a\n\"\n"},
    /* blocks */
    {"<A>\nB 1\n</A>\n", "<A>\nB 1\n</A>\n"},
    {"<A \"x\" 1>\nB 1\n</A>\n", "<A \"x\" 1>\nB 1\n</A>\n"},
    {"< A x >\nB 1\n< / A >\n", "<A \"x\">\nB 1\n</A>\n"},
    {"<A>\n<B>\n<C>\nD 1\n</C>\n</B>\n</A>\n",
     "<A>\n<B>\n<C>\nD 1\n</C>\n</B>\n</A>\n"},
    {"<A>\n<B>\nC 1\n</B>\n\n<B>\nC 2\n</B>\n</A>\nD 3\n",
     "<A>\n<B>\nC 1\n</B>\n<B>\nC 2\n</B>\n</A>\nD 3\n"},
    {"<A>\n</A>\n", ""},
    {"<A>\n<B>\n</B>\n</A>\nC 1\n", "C 1\n"},
    {"<A x>\n</A>\n", "A \"x\"\n"},
    {"Include x\n", "Include \"x\"\n"},
};

static void a_text_is_read_as_collectd_reads_it(void **state) {
  (void)state;
  struct notes notes;
  for (size_t i = 0; i < COUNT(right); i++) {
    char *printed = read_and_print(right[i][0], &notes);
    if (strcmp(printed, right[i][1]) != 0 || notes.text[0] != '\0')
      fail_msg("%s\n  is: %s\n  not: %s\n  %s", right[i][0], printed,
               right[i][1], notes.text);
    free(printed);
  }
}

/* ---- what is not read ---- */

#define QUOTES "put the text around it into quotes"

/* The text, what is read of it, and what is said. */
static const char *const wrong[][3] = {
    {"A 1", "A 1\n", "conf:1: the last line has no end: put a newline there\n"},
    {"A\n", "", "conf:1: the end of the line: must be a value of the option\n"},
    {"1 A\n", "", "conf:1: 1: must be the name of an option or a block\n"},
    {"true A\n", "",
     "conf:1: true: must be the name of an option or a block\n"},
    {"\"A\" 1\n", "",
     "conf:1: \"A\": must be the name of an option or a block\n"},
    {"A /b\nC 1\n", "C 1\n", "conf:1: /: must be a value of the option\n"},
    {"A 1 <\nC 1\n", "A 1\nC 1\n", "conf:1: <: must be the end of the line\n"},
    {"<A>\nB 1\n", "<A>\nB 1\n</A>\n",
     "conf:1: <A> is not closed: </A> is missing before line 3\n"},
    {"<A>\nB 1\n</A>", "<A>\nB 1\n</A>\n",
     "conf:3: the last line has no end: put a newline there\n"},
    {"<A>\nB 1\n</a>\n", "<A>\nB 1\n</A>\n",
     "conf:3: </a>: there is no <a> to close\n"
     "conf:1: <A> is not closed: </A> is missing before line 4\n"},
    {"<A>\n<B>\nC 1\n</A>\nD 1\n", "<A>\n<B>\nC 1\n</B>\n</A>\nD 1\n",
     "conf:2: <B> is not closed: </B> is missing before line 4\n"},
    {"</A>\nB 1\n", "B 1\n", "conf:1: </A>: there is no <A> to close\n"},
    {"<A> B 1\n</A>\n", "", "conf:1: B: must be the end of the line\n"},
    {"<A x\nB 1\n</A>\n", "<A \"x\">\nB 1\n</A>\n",
     "conf:1: the end of the line: must be a value, or >\n"},
    {"<>\nB 1\n", "B 1\n", "conf:1: >: must be the name of a block\n"},
    {"<A>\nB 1\n</>\n", "<A>\nB 1\n</A>\n",
     "conf:3: >: must be the name of the block that is closed\n"
     "conf:1: <A> is not closed: </A> is missing before line 4\n"},
    {"A 1\nB\nC 1\nD /\nE 1\n", "A 1\nC 1\nE 1\n",
     "conf:2: the end of the line: must be a value of the option\n"
     "conf:4: /: must be a value of the option\n"},
    {"A \"x\nB \"y\"\nC\n", "A \"x\nB \" \"y\"\n", NULL},
    {"A \"x\nB \"y / \"\nC 1\n", "A \"x\nB \" \"y\"\nC 1\n", NULL},
    /* what collectd passes over */
    {"A = 1\n", "A 1\n", "conf:1: ?=: collectd passes over it: " QUOTES "\n"},
    {"A b-c 1=2\nB :\n", "A \"b\" \"c\" 1 2\n", NULL},
    {"\xef\xbb\xbf"
     "A 1\n",
     "A 1\n", "conf:1: ?byte 0xef: collectd passes over it: take it away\n"},
    {"A 1 \"x\n", "A 1 \"x\"\n",
     "conf:1: ?a quote without an end: collectd passes over it\n"},
    {"A 1\n\"x\\\ny", "A 1\n",
     "conf:3: ?y: collectd passes over it: " QUOTES "\n"},
};

static void a_fault_is_told_with_its_line_and_reading_goes_on(void **state) {
  (void)state;
  struct notes notes;
  for (size_t i = 0; i < COUNT(wrong); i++) {
    char *printed = read_and_print(wrong[i][0], &notes);
    if (strcmp(printed, wrong[i][1]) != 0 ||
        (wrong[i][2] != NULL && strcmp(notes.text, wrong[i][2]) != 0) ||
        notes.text[0] == '\0')
      fail_msg("%s\n  is: %s\n  not: %s\n  %s", wrong[i][0], printed,
               wrong[i][1], notes.text);
    free(printed);
  }
}

static void a_missing_quote_is_told_where_it_shows(void **state) {
  (void)state;
  struct notes notes;
  free(read_and_print("A 1\nB \"x\nC \"/y\"\n", &notes));
  assert_string_equal(
      notes.text, "conf:3: /: must be the end of the line: is a quote missing? "
                  "A text in quotes begins in line 2 and ends in line 3\n"
                  "conf:3: ?a quote without an end: collectd passes over it\n");
}

static void blocks_lie_within_each_other_up_to_a_bound(void **state) {
  (void)state;
  struct notes notes;
  char *open = repeat("", "<A>\n", CONF_DEPTH_MAX, "B 1\n");
  char *whole = repeat(open, "</A>\n", CONF_DEPTH_MAX, "");
  free(read_and_print(whole, &notes));
  assert_string_equal(notes.text, "");
  free(whole);
  free(open);
  open = repeat("", "<A>\n", CONF_DEPTH_MAX + 1, "B 1\n");
  whole = repeat(open, "</A>\n", CONF_DEPTH_MAX + 1, "");
  free(read_and_print(whole, &notes));
  assert_non_null(strstr(notes.text, "conf:1001: more than 1000 blocks"));
  free(whole);
  free(open);
}

/* ---- what is printed parses to the same ---- */

static unsigned int draw(unsigned int *seed, unsigned int below) {
  *seed = *seed * 1103515245U + 12345U;
  return (*seed >> 16) % below;
}

/* Writes words of all kinds in any order: a text of the language, or nearly
 * one. */
static void write_any(char *text, size_t bytes, unsigned int seed) {
  static const char *const pieces[] = {
      "A",        "B",       " ",      "\t",      "\n", "\r\n",     "\\\n",
      "\\\r\n",   "\"",      "\\",     "\"",      "\n", "<A",       ">",
      "</A>\n",   "<B x>\n", "</B>\n", "1",       "0x", "-",        "1.5",
      "e+",       "yes",     "::",     "1.2.3.4", "#",  "/",        "\"x y\"",
      "\"\\\"\"", "[",       "]",      ":",       "=",  "\xc3\xa4", "\b"};
  text[0] = '\0';
  for (unsigned int left = draw(&seed, 40); left > 0; left--) {
    const char *piece = pieces[draw(&seed, COUNT(pieces))];
    if (strlen(text) + strlen(piece) < bytes)
      strcat(text, piece);
  }
}

static void assert_prints_and_parses_to_the_same(const char *text) {
  struct notes notes, again;
  char *printed = read_and_print(text, &notes);
  char *twice = read_and_print(printed, &again);
  if (strcmp(printed, twice) != 0 || again.text[0] != '\0')
    fail_msg("%s\n  is: %s\n  then: %s\n  %s", text, printed, twice,
             again.text);
  free(printed);
  free(twice);
}

static void what_is_printed_parses_to_the_same(void **state) {
  (void)state;
  char text[512];
  for (size_t i = 0; i < COUNT(right); i++)
    assert_prints_and_parses_to_the_same(right[i][0]);
  for (size_t i = 0; i < COUNT(wrong); i++)
    assert_prints_and_parses_to_the_same(wrong[i][0]);
  for (unsigned int seed = 1; seed <= 20000; seed++) {
    write_any(text, sizeof(text), seed);
    assert_prints_and_parses_to_the_same(text);
  }
}

/* ---- files ---- */

struct folder {
  char path[64];
  struct notes notes;
  struct conf_file *conf;
};

static struct folder folder;

static void put(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof(path), "%s/%s", folder.path, name);
  write_file(path, text, strlen(text));
}

static void make_directory(const char *name) {
  char path[256];
  snprintf(path, sizeof(path), "%s/%s", folder.path, name);
  assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state) {
  (void)state;
  folder = (struct folder){.path = "/tmp/test_conf_file.XXXXXX"};
  if (mkdtemp(folder.path) == NULL || chdir(folder.path) != 0)
    return -1;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  conf_file_free(folder.conf);
  snprintf(command, sizeof(command), "rm -r %s", folder.path);
  return chdir("/") == 0 ? system(command) : -1;
}

/* Reads the file "conf" of the folder, which must come to these items. */
static void assert_reads(const char *expected) {
  char path[256];
  conf_file_free(folder.conf);
  folder.conf = NULL;
  folder.notes = (struct notes){.text = ""};
  snprintf(path, sizeof(path), "%s/conf", folder.path);
  assert_int_equal(conf_file_read(path, keep_note, &folder.notes, &folder.conf),
                   0);
  char *printed = conf_print(conf_file_root(folder.conf));
  assert_string_equal(printed, expected);
  free(printed);
}

static void an_include_is_replaced_by_what_it_includes(void **state) {
  (void)state;
  put("conf", "A 1\nInclude \"b\"\nInclude \"b\"\ninclude \"c\"\nZ 1\n");
  put("b", "B 1\nB 2\n");
  put("c", "");
  assert_reads("A 1\nB 1\nB 2\nB 1\nB 2\nZ 1\n");
  assert_string_equal(folder.notes.text, "");
}

static void an_include_within_a_block_is_an_option(void **state) {
  (void)state;
  put("conf", "<A>\nInclude \"b\"\n</A>\n");
  assert_reads("<A>\nInclude \"b\"\n</A>\n");
}

static void a_pattern_and_a_directory_go_by_the_order_of_names(void **state) {
  (void)state;
  make_directory("d");
  make_directory("d/10-sub");
  put("d/2.conf", "D 2\n");
  put("d/1.conf", "D 1\n");
  put("d/.hidden", "D 3\n");
  put("d/10-sub/x", "D 4\n");
  put("d/9.txt", "D 9\n");
  put("conf", "Include \"d/*.conf\"\n");
  assert_reads("D 1\nD 2\n");
  put("conf", "Include \"d\"\n");
  assert_reads("D 1\nD 4\nD 2\nD 9\n");
  put("conf", "<Include \"d\">\nFilter \"*.conf\"\n</Include>\nZ 1\n");
  assert_reads("D 1\nD 2\nZ 1\n");
  assert_string_equal(folder.notes.text, "");
  put("conf", "Include \"d/2.conf d/1.conf\"\n");
  assert_reads("D 1\nD 2\n");
  assert_string_equal(folder.notes.text, "");
}

static void a_filter_must_not_leave_out_a_file_that_is_named(void **state) {
  (void)state;
  put("b", "B 1\n");
  put("conf", "\n<Include \"b\">\nFilter \"*.conf\"\n</Include>\nZ 1\n");
  assert_reads("Z 1\n");
  assert_string_equal(folder.notes.text,
                      "conf:2: b: its Filter \"*.conf\" leaves this file out, "
                      "and collectd does not start: a Filter goes with a "
                      "directory\n");
}

static void what_is_missing_is_a_warning_but_for_the_file_itself(void **state) {
  (void)state;
  assert_reads("");
  assert_string_equal(folder.notes.text,
                      "conf:0: can not be read: No such file or directory\n");
  put("conf", "A 1\nInclude \"b\"\nInclude \"*.none\"\n");
  assert_reads("A 1\n");
  assert_string_equal(
      folder.notes.text,
      "conf:2: ?b: can not be read: No such file or directory\n"
      "conf:3: ?*.none: can not be read: No such file or directory\n");
}

static void an_empty_configuration_is_a_fault(void **state) {
  (void)state;
  put("conf", "# A 1\n");
  assert_reads("");
  assert_string_equal(folder.notes.text, "conf:0: there is nothing in it\n");
}

static void files_include_each_other_eight_deep(void **state) {
  (void)state;
  char name[16] = "conf", text[64];
  for (int i = 1; i <= 8; i++) {
    snprintf(text, sizeof(text), "A %d\nInclude \"f%d\"\n", i, i);
    put(name, text);
    snprintf(name, sizeof(name), "f%d", i);
  }
  put("f8", "A 9\n");
  assert_reads("A 1\nA 2\nA 3\nA 4\nA 5\nA 6\nA 7\nA 8\n");
  assert_string_equal(folder.notes.text,
                      "f7:2: f8: more than 8 files include each other\n");
}

static void an_include_that_can_not_be_one_is_told(void **state) {
  (void)state;
  put("b", "B 1\n");
  put("conf", "Include 1\nInclude \"a\" \"b\"\n"
              "<Include \"b\">\nFilter 1\nDepth 3\n</Include>\n"
              "Include \"$(id)\"\nInclude \"/dev/null\"\n");
  assert_reads("Include 1\nInclude \"a\" \"b\"\nB 1\n");
  assert_string_equal(
      folder.notes.text,
      "conf:1: ?Include must be one text in quotes: nothing is included\n"
      "conf:2: ?Include must be one text in quotes: nothing is included\n"
      "conf:3: ?Filter must be one text in quotes\n"
      "conf:3: ?Depth: only Filter may be in an Include\n"
      "conf:7: $(id): can not be expanded as a shell does: put \\\\ before "
      "special characters\n"
      "conf:8: ?/dev/null: is not read: neither a file nor a directory\n");
}

static void a_nul_byte_is_a_fault(void **state) {
  (void)state;
  put("conf", "A 1\nInclude \"b\"\n");
  char path[256];
  snprintf(path, sizeof(path), "%s/b", folder.path);
  write_file(path, BYTES("B 1\n\0C 1\n"));
  assert_reads("A 1\n");
  assert_string_equal(folder.notes.text, "b:1: must not hold a NUL byte\n");
}

static void assert_place(const oconfig_item_t *item, const char *name,
                         int line) {
  const char *path;
  int found;
  assert_int_equal(conf_file_place(folder.conf, item, &path, &found), 0);
  assert_string_equal(
      strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, name);
  assert_int_equal(found, line);
}

static void each_item_knows_where_it_begins(void **state) {
  (void)state;
  put("conf", "A 1\n\n<B>\n\n  C \"x\ny\"\n  D 1\n</B>\nInclude \"b\"\nE 1\n");
  put("b", "# b\nF 1\n");
  assert_reads("A 1\n<B>\nC \"x\ny\"\nD 1\n</B>\nF 1\nE 1\n");
  const oconfig_item_t *root = conf_file_root(folder.conf);
  assert_place(&root->children[0], "conf", 1);
  assert_place(&root->children[1], "conf", 3);
  assert_place(&root->children[1].children[0], "conf", 5);
  assert_place(&root->children[1].children[1], "conf", 7);
  assert_place(&root->children[2], "b", 2);
  assert_place(&root->children[3], "conf", 10);
  oconfig_item_t stranger = {.key = NULL};
  const char *path;
  int line;
  assert_int_equal(conf_file_place(folder.conf, &stranger, &path, &line),
                   -ENOENT);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_text_is_read_as_collectd_reads_it),
      cmocka_unit_test(a_fault_is_told_with_its_line_and_reading_goes_on),
      cmocka_unit_test(a_missing_quote_is_told_where_it_shows),
      cmocka_unit_test(blocks_lie_within_each_other_up_to_a_bound),
      cmocka_unit_test(what_is_printed_parses_to_the_same),
      FILE_TEST(an_include_is_replaced_by_what_it_includes),
      FILE_TEST(an_include_within_a_block_is_an_option),
      FILE_TEST(a_pattern_and_a_directory_go_by_the_order_of_names),
      FILE_TEST(a_filter_must_not_leave_out_a_file_that_is_named),
      FILE_TEST(what_is_missing_is_a_warning_but_for_the_file_itself),
      FILE_TEST(an_empty_configuration_is_a_fault),
      FILE_TEST(files_include_each_other_eight_deep),
      FILE_TEST(an_include_that_can_not_be_one_is_told),
      FILE_TEST(a_nul_byte_is_a_fault),
      FILE_TEST(each_item_knows_where_it_begins),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
