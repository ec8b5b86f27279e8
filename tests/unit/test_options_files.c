/* SPDX-License-Identifier: MIT
 *
 * Files that a configuration names, and which of their faults are forgiven at a
 * restart. In all texts ' stands for ".
 */
#include "config/known_files.h"
#include "options_cases.h"
#include "options_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

static void a_device_file_adds_devices_that_are_not_declared(void **state) {
  static const char csv[] = "\n"
                            "# name,device_id,endpoint,timeout\n"
                            "rack1,1001\n"
                            "  rack2 ,\t1002 , LAB , 60\r\n"
                            "rack3,1003,,2678400\n"
                            "\t# rack4,1004\n"
                            "rack5,10 05,lab,";
  options_fixture_write(*state, "devices.csv", csv, sizeof(csv) - 1, 0600);
  options_fixture_write(*state, "more.csv", "rack6,1\n", 8, 0600);
  const struct options *o = read_lines(
      *state, "DeviceFile 'devices.csv'\nDeviceFile 'more.csv'\n"
              "<Endpoint LAB>\nURL 'http://localhost/cmds'\nAPIKey 'l'\n"
              "</Endpoint>\n");
  static const struct {
    const char *name, *device_id;
    int timeout_s;
  } devices[] = {{"rack1", "1001", 0},
                 {"rack2", "1002", 60},
                 {"rack3", "1003", 2678400},
                 {"rack5", "10 05", 0},
                 {"rack6", "1", 0}};
  assert_int_equal(directory_device_count(o->directory), 5);
  for (size_t i = 0; i < 5; i++) {
    const struct device *d = directory_device(o->directory, i);
    assert_string_equal(d->name, devices[i].name);
    assert_string_equal(d->device_id, devices[i].device_id);
    assert_string_equal(d->endpoint->name, "LAB");
    assert_int_equal(d->timeout_s, devices[i].timeout_s);
    assert_int_equal(d->qos, -1);
    assert_false(d->declared);
  }
}

static void a_device_file_may_begin_with_a_byte_order_mark(void **state) {
  static const char *const files[] = {"\xef\xbb\xbfrack1,1001\n",
                                      "\xef\xbb\xbf# x\nrack1,1001\n",
                                      "\xef\xbb\xbf\nrack1,1001\n"};
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
    options_fixture_write(*state, "devices.csv", files[i], strlen(files[i]),
                          0600);
    const struct options *o =
        read_lines(*state, CLOUD "DeviceFile 'devices.csv'\n");
    assert_int_equal(directory_device_count(o->directory), 1);
    assert_string_equal(directory_device(o->directory, 0)->name, "rack1");
  }
}

static void a_device_file_without_a_device_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  options_fixture_write(f, "devices.csv", "# none\n", 7, 0600);
  read_lines(f, CLOUD FAN "DeviceFile 'devices.csv'\n"
                          "<Rule r>\nDevice fan\nOnFailure '1'\n</Rule>");
  assert_expands_to(f, f->warnings,
                    "Plugin 'onenet': DeviceFile '$DIR/devices.csv': there is "
                    "no device in it");
}

/* ---- a file of devices that worked before ---- */

#define FLEET                                                                  \
  "Ledger 'x.db'\nDeviceFile 'devices.csv'\n" CLOUD                            \
  "<Rule named>\nDevice rack1\nDevice rack2\nOnFailure '1'\n</Rule>\n"         \
  "<Rule lone>\nDevice 'rack2'\nOnFailure '1'\n</Rule>\n"

static void write_text(struct options_fixture *f, const char *name,
                       const char *text) {
  options_fixture_write(f, name, text, strlen(text), 0600);
}

static void a_look_needs_no_right_to_a_key(void **state) {
  struct options_fixture *f = *state;
  f->purpose = OPTIONS_FOR_LOOK;
  const struct options *o = read_lines(f, KEYLESS("APIKeyFile 'elsewhere'"));
  assert_expands_to(f, directory_endpoint(o->directory, 0)->credential.text,
                    "$DIR/elsewhere");
  f->purpose = OPTIONS_FOR_CHECK;
  assert_int_equal(options_fixture_read(f, KEYLESS("APIKeyFile 'elsewhere'")),
                   -EINVAL);
}

/* As after a start that worked, with a file that is wrong by now. */
static void begin_a_restart(struct options_fixture *f, const char *csv) {
  f->purpose = OPTIONS_FOR_START;
  write_text(f, "x.db", "");
  write_text(f, "devices.csv", "rack1,1\nrack2,2\n");
  const struct options *o = read_lines(f, FLEET);
  assert_string_equal(f->skipped, "");
  assert_int_equal(o->skipped_lines, 0);
  assert_int_equal(known_files_write(o->ledger_path, o->device_files), 0);
  write_text(f, "devices.csv", csv);
}

#define SUM_OF_ONE                                                             \
  "Plugin 'onenet': DeviceFile 'devices.csv': wrong lines: 1; they are "       \
  "skipped, as the file was right at an earlier start; mend them, check with " \
  "collectd -T, and restart collectd"
#define WITHOUT(rule)                                                          \
  "Rule '" rule "': Device 'rack2': no such device, did you mean rack1?; it "  \
  "may be on a line of a DeviceFile that is skipped: until that is mended, "   \
  "this rule does without it"

static void at_a_restart_a_bad_line_of_a_device_file_is_skipped(void **state) {
  struct options_fixture *f = *state;
  begin_a_restart(f, "rack1,1\nrack2,2,,1h\nrack3,3\n");
  const struct options *o = read_lines(f, FLEET);
  assert_expands_to(f, f->skipped,
                    "DeviceFile '$DIR/devices.csv' line 2: timeout '1h': must "
                    "be 0..2678400; this line is skipped\n" SUM_OF_ONE
                    "\n" WITHOUT("named") "\n" WITHOUT("lone"));
  assert_int_equal(o->skipped_lines, 1);
  assert_int_equal(directory_device_count(o->directory), 2);
  assert_fires(o, &HOT, "named rack1 text/plain; charset=utf-8 1\n");
}

static void a_check_forgives_nothing(void **state) {
  struct options_fixture *f = *state;
  begin_a_restart(f, "rack1,1\nrack2,2,,1h\n");
  f->purpose = OPTIONS_FOR_CHECK;
  assert_int_equal(options_fixture_read(f, FLEET), -EINVAL);
  assert_expands_to(f, f->faults,
                    "DeviceFile '$DIR/devices.csv' line 2: timeout '1h': must "
                    "be 0..2678400\n"
                    "Rule 'named': Device 'rack2': no such device, did you "
                    "mean rack1?\n"
                    "Rule 'lone': Device 'rack2': no such device, did you "
                    "mean rack1?");
  assert_string_equal(f->skipped, "");
}

static void only_the_file_that_worked_is_forgiven(void **state) {
  struct options_fixture *f = *state;
  begin_a_restart(f, "rack1,1\nrack2,2\n");
  write_text(f, "more.csv", "rack2,2\n");
  assert_int_equal(options_fixture_read(f, FLEET "DeviceFile 'more.csv'"),
                   -EINVAL);
  assert_expands_to(f, f->faults,
                    "DeviceFile '$DIR/more.csv' line 1: 'rack2': a Device has "
                    "this name already");
}

static void other_faults_stop_a_restart_too(void **state) {
  struct options_fixture *f = *state;
  begin_a_restart(f, "rack1,1\nrack2,2\nrack3\n");
  assert_int_equal(options_fixture_read(f, FLEET "HistoryDays 0"), -EINVAL);
  assert_string_equal(f->faults,
                      "Plugin \"onenet\": HistoryDays 0: must be 1..3650");
  assert_non_null(strstr(f->skipped, "line 3: device_id"));
  /* Nothing is skipped for whose sake the device would be forgiven. */
  write_text(f, "devices.csv", "rack1,1\n");
  assert_int_equal(options_fixture_read(f, FLEET), -EINVAL);
  assert_non_null(strstr(f->faults, "Device \"rack2\": no such device"));
}

static void a_file_that_is_gone_stops_a_restart(void **state) {
  struct options_fixture *f = *state;
  char path[128];
  begin_a_restart(f, "");
  snprintf(path, sizeof(path), "%s/devices.csv", f->directory);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(options_fixture_read(f, FLEET), -EINVAL);
  assert_non_null(strstr(f->faults, "must be a file that can be read"));
}

static void twenty_skipped_lines_are_told_and_all_are_counted(void **state) {
  struct options_fixture *f = *state;
  char lines[25 * 3 + 1] = "";
  for (int i = 0; i < 25; i++)
    memcpy(lines + 3 * i, "!,\n", 3);
  begin_a_restart(f, lines);
  const struct options *o = read_lines(f, FLEET);
  assert_int_equal(o->skipped_lines, 25);
  assert_non_null(strstr(f->skipped, "line 20:"));
  assert_null(strstr(f->skipped, "line 21:"));
  assert_non_null(strstr(f->skipped, "wrong lines: 25; they are skipped"));
}

static void a_key_file_may_be_one_of_systemd_s_credentials(void **state) {
  struct options_fixture *f = *state;
  static const char lines[] =
      "<Endpoint cloud>\nURL 'http://localhost/cmds'\nAPIKeyFile "
      "'key'\n</Endpoint>";
  char credentials[128];
  snprintf(credentials, sizeof(credentials), "%s/.", f->directory);
  setenv("CREDENTIALS_DIRECTORY", credentials, 1);
  const struct options *o = read_lines(f, lines);
  assert_expands_to(f, directory_endpoint(o->directory, 0)->credential.text,
                    "$DIR/./key");
  setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
  o = read_lines(f, lines);
  assert_expands_to(f, directory_endpoint(o->directory, 0)->credential.text,
                    "$DIR/key");
  setenv("CREDENTIALS_DIRECTORY", credentials, 1);
  o = read_lines(f, "<Endpoint cloud>\nURL 'http://localhost/cmds'\n"
                    "APIKeyFile '$DIR/key'\nCACert 'ca.pem'\n"
                    "ClientKey 'client.key'\n</Endpoint>");
  const struct endpoint *e = directory_endpoint(o->directory, 0);
  assert_expands_to(f, e->credential.text, "$DIR/key");
  assert_expands_to(f, e->tls.ca_cert, "$DIR/ca.pem");
  assert_expands_to(f, e->tls.client_key, "$DIR/./client.key");
}

static void collectd_makes_its_base_dir_itself(void **state) {
  struct options_fixture *f = *state;
  char directory[sizeof(f->directory)];
  memcpy(directory, f->directory, sizeof(directory));
  snprintf(f->directory, sizeof(f->directory), "/nowhere");
  const struct options *o = read_lines(f, "Ledger 'x.db'");
  assert_string_equal(o->ledger_path, "/nowhere/x.db");
  o = read_lines(f, "Ledger '/nowhere/y.db'");
  assert_string_equal(o->ledger_path, "/nowhere/y.db");
  snprintf(f->directory, sizeof(f->directory), "/nowhere/");
  o = read_lines(f, "Ledger '/nowhere/y.db'");
  o = read_lines(f, "Ledger 'x.db'");
  assert_string_equal(o->ledger_path, "/nowhere//x.db");
  memcpy(f->directory, directory, sizeof(directory));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_look_needs_no_right_to_a_key),
      TEST(a_device_file_adds_devices_that_are_not_declared),
      TEST(a_device_file_may_begin_with_a_byte_order_mark),
      TEST(a_device_file_without_a_device_is_warned_about),
      TEST(at_a_restart_a_bad_line_of_a_device_file_is_skipped),
      TEST(a_check_forgives_nothing),
      TEST(only_the_file_that_worked_is_forgiven),
      TEST(other_faults_stop_a_restart_too),
      TEST(a_file_that_is_gone_stops_a_restart),
      TEST(twenty_skipped_lines_are_told_and_all_are_counted),
      TEST(a_key_file_may_be_one_of_systemd_s_credentials),
      TEST(collectd_makes_its_base_dir_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
