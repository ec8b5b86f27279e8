/* SPDX-License-Identifier: MIT
 *
 * What is wrong with devices and rules, and the exact lines that say so. In all
 * texts ' stands for ".
 */
#include "options_cases.h"

#include "basics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Device ---- */

static void a_device_s_options_are_checked(void **state) {
  static const struct fault_case cases[] = {
      {BARE_DEVICE(""), "Device 'fan': DeviceID: missing, " ID_RULE},
      {BARE_DEVICE("DeviceID ''"), "Device 'fan': DeviceID '': " ID_RULE},
      {BARE_DEVICE("DeviceID '" C128 "x'"),
       "Device 'fan': DeviceID '" C64 C16 "...': " ID_RULE},
      {BARE_DEVICE("DeviceID '8\t9'"),
       "Device 'fan': DeviceID '8?9': " ID_RULE},
      {BARE_DEVICE("DeviceID '\xc3\xa4'"),
       "Device 'fan': DeviceID '\xc3\xa4': " ID_RULE},
      {BARE_DEVICE("DeviceID 1.5"),
       "Device 'fan': DeviceID 1.5: must be one text in quotes"},
      /* Too large for a number to keep each digit. */
      {BARE_DEVICE("DeviceID 99999999999999999"),
       "Device 'fan': DeviceID 1e+17: must be one text in quotes"},
      {BARE_DEVICE("DeviceID 802 9377"),
       "Device 'fan': DeviceID 802 9377: must be one text in quotes"},
      {DEVICE("Timeout -1"), "Device 'fan': Timeout -1: must be 0..2678400"},
      {DEVICE("Timeout 2678401"),
       "Device 'fan': Timeout 2678401: must be 0..2678400"},
      {DEVICE("Timeout 0.5"),
       "Device 'fan': Timeout 0.5: must be a whole number, 0..2678400"},
      {DEVICE("QoS 2"), "Device 'fan': QoS 2: must be 0..1"},
      {DEVICE("QoS -1"), "Device 'fan': QoS -1: must be 0..1"},
      {DEVICE("RateLimit 1 0"), "Device 'fan': RateLimit 1 0: " RATE_RULE},
  };
  CHECK_CASES(state, cases);
}

static void a_device_needs_an_endpoint_that_exists(void **state) {
#define LAB                                                                    \
  "<Endpoint lab>\nURL 'https://lab.test/cmds'\nAPIKey 'k'\n</Endpoint>\n"
  static const struct fault_case cases[] = {
      {"<Device fan>\nDeviceID '1'\n</Device>",
       "Device 'fan': Endpoint: missing, must be the name of an Endpoint, and "
       "there is none"},
      {LAB DEVICE(""),
       "Device 'fan': Endpoint: missing, must be the name of an "
       "Endpoint, as there are several"},
      {LAB DEVICE("Endpoint 'clod'"),
       "Device 'fan': Endpoint 'clod': no such endpoint, did you mean cloud?"},
      {DEVICE("Endpoint 'lab'"),
       "Device 'fan': Endpoint 'lab': no such endpoint"},
      {DEVICE("Endpoint 'fan'"),
       "Device 'fan': Endpoint 'fan': no such endpoint"},
      {DEVICE("Endpoint true"), "Device 'fan': Endpoint true: " WORD_RULE},
  };
  CHECK_CASES(state, cases);
}

struct line_case {
  const char *line;
  const char *fault; /* NULL: it is right */
};

static void each_bad_line_of_a_device_file_is_told(void **state) {
#define FORM "must be name,device_id[,endpoint[,timeout]]"
  static const struct line_case cases[] = {
      {"# name,device_id,endpoint,timeout", NULL},
      {"good,1", NULL},
      {"bad name,2", "'bad name': " NAME_RULE},
      {"noid", "device_id '': " ID_RULE},
      {"noid2, ,cloud", "device_id '': " ID_RULE},
      {"badid,\x01", "device_id '?': " ID_RULE},
      {"lab,1,clod", "endpoint 'clod': no such endpoint, did you mean cloud?"},
      {"late,1,,2678401", "timeout '2678401': must be 0..2678400"},
      {"late,1,,-1", "timeout '-1': must be 0..2678400"},
      {"late,1,,1h", "timeout '1h': must be 0..2678400"},
      {"late,1,,99999999999999999999",
       "timeout '99999999999999999999': must be 0..2678400"},
      {"GOOD,3", "'GOOD': a Device has this name already"},
      {"cloud,3", "'cloud': an Endpoint has this name already"},
      {"agent,3", "'agent': this name is reserved"},
      {",3", "'': " NAME_RULE},
      {"many,3,cloud,0,", FORM},
      {"\"rack1\",\"1001\"", FORM ": take the quotes away"},
      {"rack1;1001", FORM ": put commas between the parts"},
      {"rack1\t1001", FORM ": put commas between the parts"},
      {"Name,Device_ID", "a heading, and no device: put # before it"},
      {"name,device_id,endpoint,timeout",
       "a heading, and no device: put # before it"},
      {"name,device_id2", NULL},
  };
  char csv[1024] = "";
  char faults[4096] = "";
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    size_t used = strlen(csv);
    snprintf(csv + used, sizeof(csv) - used, "%s\n", cases[i].line);
    used = strlen(faults);
    if (cases[i].fault != NULL)
      snprintf(faults + used, sizeof(faults) - used,
               "%sDeviceFile '$DIR/devices.csv' line %zu: %s",
               used == 0 ? "" : "\n", i + 1, cases[i].fault);
  }
  options_fixture_write(*state, "devices.csv", csv, strlen(csv), 0600);
  const struct fault_case all = {ENDPOINT("") "DeviceFile 'devices.csv'",
                                 faults};
  options_fixture_check(*state, &all, 1);
}

static void a_device_file_that_can_not_be_used_is_told(void **state) {
  static const struct fault_case cases[] = {
      {LAB ENDPOINT("") "DeviceFile 'one.csv'",
       "DeviceFile '$DIR/one.csv' line 1: endpoint: missing, must be the name "
       "of an Endpoint, as there are several"},
      {ENDPOINT("") "DeviceFile 'nul.csv'",
       "DeviceFile '$DIR/nul.csv' line 1: must not hold a NUL byte"},
      {ENDPOINT("") "DeviceFile 'wide.csv'",
       "DeviceFile '$DIR/wide.csv' line 1: UTF-16 text: save the file as "
       "UTF-8"},
      {ENDPOINT("") "DeviceFile 'late-mark.csv'",
       "DeviceFile '$DIR/late-mark.csv' line 2: '\xef\xbb\xbf"
       "b': " NAME_RULE},
      {"DeviceFile 'one.csv'\n" ENDPOINT("") "<Device A>\nDeviceID '1'\n"
                                             "</Device>",
       "DeviceFile '$DIR/one.csv' line 1: 'a': a Device has this name already"},
      {ENDPOINT("") "DeviceFile 'none.csv'",
       "Plugin 'onenet': DeviceFile 'none.csv': must be a file that can be "
       "read: $DIR/none.csv: No such file or directory"},
      {ENDPOINT("") "DeviceFile '.'",
       "Plugin 'onenet': DeviceFile '.': must be a file that can be read: "
       "$DIR/.: not a regular file"},
      {ENDPOINT("") "DeviceFile ''",
       "Plugin 'onenet': DeviceFile '': " LINE_RULE},
  };
  options_fixture_write(*state, "one.csv", "a,1\n", 4, 0600);
  options_fixture_write(*state, "wide.csv",
                        "\xff\xfe"
                        "a\0,\0001\0\n\0",
                        10, 0600);
  options_fixture_write(*state, "late-mark.csv",
                        "a,1\n\xef\xbb\xbf"
                        "b,2\n",
                        11, 0600);
  options_fixture_write(*state, "nul.csv", "a,1\0\n", 5, 0600);
  CHECK_CASES(state, cases);
}

static void
of_a_device_file_that_is_all_wrong_twenty_lines_are_told(void **state) {
  struct options_fixture *f = *state;
  char lines[25 * 3 + 1] = "";
  for (int i = 0; i < 25; i++)
    memcpy(lines + 3 * i, "!,\n", 3);
  options_fixture_write(f, "devices.csv", lines, 25 * 3, 0600);
  assert_int_equal(
      options_fixture_read(f, ENDPOINT("") "DeviceFile 'devices.csv'"),
      -EINVAL);
  size_t count = 1;
  for (const char *c = f->faults; *c != '\0'; c++)
    count += *c == '\n';
  assert_int_equal(count, 21);
  assert_string_equal(strrchr(f->faults, '\n'),
                      "\nPlugin \"onenet\": DeviceFile \"devices.csv\": and 5 "
                      "more lines are wrong");
}

/* ---- Rule ---- */

static void a_rule_needs_a_device_that_exists(void **state) {
  static const struct fault_case cases[] = {
      {BARE_RULE("OnFailure 'on'"), "Rule 'overheat': Device: missing, must be "
                                    "the name of a device, or a template"},
      {BARE_RULE("OnFailure 'on'\nDevice 'fann'"),
       "Rule 'overheat': Device 'fann': no such device, did you mean fan?"},
      {BARE_RULE("OnFailure 'on'\nDevice '8029377'"),
       "Rule 'overheat': Device '8029377': no such device: it is the DeviceID "
       "of 'fan', whose name must be given"},
      {BARE_RULE("OnFailure 'on'\nDevice '%host'"),
       "Rule 'overheat': Device '%host': no such device: a field is written as "
       "in '%{host}'"},
      {BARE_RULE("OnFailure 'on'\nDevice '$host'"),
       "Rule 'overheat': Device '$host': no such device: a field is written as "
       "in '%{host}'"},
      {BARE_RULE("OnFailure 'on'\nDevice 'pump'"),
       "Rule 'overheat': Device 'pump': no such device"},
      {BARE_RULE("OnFailure 'on'\nDevice 'cloud'"),
       "Rule 'overheat': Device 'cloud': no such device"},
      {BARE_RULE("OnFailure 'on'\nDevice ''"),
       "Rule 'overheat': Device '': no such device"},
      {BARE_RULE("OnFailure 'on'\nDevice fan pump"),
       "Rule 'overheat': Device 'fan' 'pump': must be one text in quotes: give "
       "the option once for each"},
      {BARE_RULE("OnFailure 'on'\nDevice '%{hots}'"),
       "Rule 'overheat': Device '%{hots}': unknown field %{hots}, did you mean "
       "%{host}?"},
      {BARE_RULE("OnFailure 'on'\nDevice '%{device}'"),
       "Rule 'overheat': Device '%{device}': %{device} is not known while the "
       "device is looked for"},
  };
  CHECK_CASES(state, cases);
}

static void a_rule_needs_a_body_of_its_source(void **state) {
  static const struct fault_case cases[] = {
      {BODY(""), "Rule 'overheat': OnFailure: missing, must be a template, or "
                 "OnWarning, OnMissing or OnOkay"},
      {BODY("Source value"),
       "Rule 'overheat': OnValue: missing, must be a template"},
      {BODY("OnValue '1'"),
       "Rule 'overheat': OnValue '1': only goes with Source value"},
      {BODY("OnValueFile 'body'"),
       "Rule 'overheat': OnValueFile 'body': only goes with Source value"},
      {VALUE("OnOkay '1'"),
       "Rule 'overheat': OnOkay '1': only goes with Source notification"},
      {VALUE("OnFailureFile 'body'"), "Rule 'overheat': OnFailureFile 'body': "
                                      "only goes with Source notification"},
      {RULE("OnFailureFile 'body'"), "Rule 'overheat': OnFailureFile 'body': "
                                     "must be the only one of OnFailure and "
                                     "OnFailureFile"},
      {BODY("OnOkayFile 'body'\nOnOkay 'off'"),
       "Rule 'overheat': OnOkay 'off': must be the only one of OnOkay and "
       "OnOkayFile"},
      {BODY("OnFailureFile 'none'"), "Rule 'overheat': OnFailureFile 'none': "
                                     "must be a file that can be read: "
                                     "$DIR/none: No such file or directory"},
      {BODY("Source values\nOnFailure 'on'"),
       "Rule 'overheat': Source 'values': must be notification or value"},
  };
  CHECK_CASES(state, cases);
}

static void a_body_that_can_never_be_sent_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {BODY("OnFailure ''"),
       "Rule 'overheat': OnFailure '': must be 1..65535 bytes, and is 0"},
      {JSON("''"),
       "Rule 'overheat': OnFailure '': must be 1..65535 bytes, and is 0"},
      {BODY("OnFailureFile 'empty'"),
       "Rule 'overheat': OnFailureFile 'empty': must be 1..65535 bytes, and is "
       "0"},
      {BODY("Format hex\nOnFailure ' '"),
       "Rule 'overheat': OnFailure ' ': must be 1..65535 bytes, and is 0"},
      {BODY("OnFailureFile 'long'"),
       "Rule 'overheat': OnFailureFile 'long': must be 1..65535 bytes, and is "
       "65536"},
      {BODY("OnFailureFile 'huge'"),
       "Rule 'overheat': OnFailureFile 'huge': must be a file of at most "
       "1048576 bytes"},
  };
  char *bytes = calloc(1, (1 << 20) + 1);
  assert_non_null(bytes);
  options_fixture_write(*state, "long", bytes, 65536, 0600);
  options_fixture_write(*state, "huge", bytes, (1 << 20) + 1, 0600);
  free(bytes);
  CHECK_CASES(state, cases);
}

static void a_template_that_does_not_parse_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {BODY("OnFailure '%{hots}'"),
       "Rule 'overheat': OnFailure '%{hots}': unknown field %{hots}, did you "
       "mean %{host}?"},
      {BODY("OnFailure '50%'"),
       "Rule 'overheat': OnFailure '50%': a lone %: must be %% for a percent "
       "sign, or begin a field such as %{host}"},
      {BODY("OnFailure '%{host'"),
       "Rule 'overheat': OnFailure '%{host': %{ without its }"},
      {BODY("OnFailure '%{host}\n%{x}'"),
       "Rule 'overheat': OnFailure '%{host}?%{x}': unknown field %{x}: must be "
       "one of host plugin plugin_instance type type_instance data_source "
       "severity message time epoch value rule device device_id meta:NAME"},
      {VALUE("OnValue '%{}'"),
       "Rule 'overheat': OnValue '%{}': given more than once"},
      {BODY("Format hex\nOnFailure '0g'"),
       "Rule 'overheat': OnFailure '0g': not hexadecimal at byte 1: must be "
       "pairs of 0-9 a-f"},
      {BODY("OnFailure '123'\nFormat hex"),
       "Rule 'overheat': OnFailure '123': not hexadecimal at byte 3: must be "
       "pairs of 0-9 a-f"},
      {BODY("Format base64\nOnFailure 'b24'"),
       "Rule 'overheat': OnFailure 'b24': base64 ends too early: = is missing"},
      {BODY("Format base64\nOnFailure 'b-4='"),
       "Rule 'overheat': OnFailure 'b-4=': not base64 at byte 2: must be A-Z "
       "a-z 0-9 + / and = at the end"},
  };
  CHECK_CASES(state, cases);
}

static void a_json_body_that_does_not_parse_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {JSON("'on'"), "Rule 'overheat': OnFailure 'on': not JSON at byte 1: "
                     "lexical error: invalid char in json text."},
      {JSON("'{\\'fan\\':on}'"),
       "Rule 'overheat': OnFailure '{'fan':on}': not JSON at byte 8: lexical "
       "error: invalid char in json text."},
      {JSON("'{\\'fan\\':'"),
       "Rule 'overheat': OnFailure '{'fan':': not JSON at byte 7: unfinished"},
      {JSON("'{}{}'"), "Rule 'overheat': OnFailure '{}{}': not JSON at byte 3: "
                       "parse error: trailing garbage"},
      {JSON("'{\\'t\\':%{value}'"),
       "Rule 'overheat': OnFailure '{'t':%{value}': not JSON at byte 6: "
       "unfinished"},
      {JSON("'{\\'t\\':0%{value}}'"),
       "Rule 'overheat': OnFailure '{'t':0%{value}}': a field outside a JSON "
       "string must be a whole value, with nothing joined to it"},
      {JSON("'{%{value}:1}'"),
       "Rule 'overheat': OnFailure '{%{value}:1}': a field outside a JSON "
       "string must be a whole value, with nothing joined to it"},
      {JSON("'{\\'h\\':%{host}}'"),
       "Rule 'overheat': OnFailure '{'h':%{host}}': %{host} is a text outside "
       "the quotes of JSON: must be '%{host}' (within the quotes of an option: "
       "\\'%{host}\\')"},
      {JSON("'[%{value|none}]'"),
       "Rule 'overheat': OnFailure '[%{value|none}]': %{value|none}: a default "
       "outside the quotes of JSON must be a number, true, false or null"},
      {BODY("OnFailureFile 'body'\nFormat json"),
       "Rule 'overheat': OnFailureFile 'body': not JSON at byte 1: lexical "
       "error: invalid char in json text."},
  };
  CHECK_CASES(state, cases);
}

/* As collectd's parser takes it apart. */
static void json_with_bare_quotes_is_told_how_to_write_them(void **state) {
  static const struct fault_case cases[] = {
      {JSON("'{'fan':'on'}'"),
       "Rule 'overheat': OnFailure '{' 'fan' ':' true '}': must be one text in "
       "quotes: put \\ before each inner quote, as in OnFailure "
       "'{\\'fan\\':\\'on\\'}'"},
      {BODY("OnOkay '{'fan':0}'"),
       "Rule 'overheat': OnOkay '{' 'fan' ':0}': must be one text in quotes: "
       "put \\ before each inner quote, as in OnOkay "
       "'{\\'fan\\':\\'on\\'}'"},
      {BODY("OnOkay fan off"),
       "Rule 'overheat': OnOkay 'fan' false: must be one text in quotes"},
  };
  CHECK_CASES(state, cases);
}

static void what_took_the_place_of_an_old_option_is_told(void **state) {
#define OLD                                                                    \
  "is not an option any more: leave it out, and missing values change "        \
  "nothing; or write OnMissing '...', the body that is sent for them"
  static const struct fault_case cases[] = {
      {RULE("Missing fire"), "Rule 'overheat': Missing 'fire': " OLD},
      {RULE("Missing ignore"), "Rule 'overheat': Missing 'ignore': " OLD},
  };
  CHECK_CASES(state, cases);
}

static void a_rule_s_options_have_ranges(void **state) {
  static const struct fault_case cases[] = {
      {RULE("Format xml"),
       "Rule 'overheat': Format 'xml': must be text, json, hex or base64"},
      {RULE("ContentType ''"), "Rule 'overheat': ContentType '': " LINE_RULE},
      {RULE("ContentType 'a\nb'"),
       "Rule 'overheat': ContentType 'a?b': " LINE_RULE},
      {RULE("Combine best"),
       "Rule 'overheat': Combine 'best': must be worst or none"},
      {RULE("ForgetAfter -1"),
       "Rule 'overheat': ForgetAfter -1: must be 0..31536000"},
      {RULE("ForgetAfter 31536001"),
       "Rule 'overheat': ForgetAfter 31536001: must be 0..31536000"},
      {RULE("After -1"), "Rule 'overheat': After -1: must be 0..31536000"},
      {RULE("Until 31536001"),
       "Rule 'overheat': Until 31536001: must be 0..31536000"},
      {RULE("Cooldown -1"), "Rule 'overheat': Cooldown -1: must be 0..2678400"},
      {RULE("Cooldown 2678401"),
       "Rule 'overheat': Cooldown 2678401: must be 0..2678400"},
      {RULE("Expire -1"), "Rule 'overheat': Expire -1: must be 0..2678400"},
      {RULE("Expire 2678401"),
       "Rule 'overheat': Expire 2678401: must be 0..2678400"},
      {RULE("Repeat -1"), "Rule 'overheat': Repeat -1: must be 0..2678400"},
      {RULE("Repeat 2678401"),
       "Rule 'overheat': Repeat 2678401: must be 0..2678400"},
      {RULE("Timeout -1"), "Rule 'overheat': Timeout -1: must be 0..2678400"},
      {RULE("Timeout 2678401"),
       "Rule 'overheat': Timeout 2678401: must be 0..2678400"},
      {VALUE("Deadband -0.5"),
       "Rule 'overheat': Deadband -0.5: must be one number, 0 or above"},
      {VALUE("Deadband '0.5'"),
       "Rule 'overheat': Deadband '0.5': must be one number, 0 or above"},
      {RULE("Supersede never"),
       "Rule 'overheat': Supersede 'never': must be true or false"},
      {RULE("Track 2"), "Rule 'overheat': Track 2: must be true or false"},
      {RULE("OnOffline never"),
       "Rule 'overheat': OnOffline 'never': must be refuse or retry"},
      {RULE("OnUnknown refuse"),
       "Rule 'overheat': OnUnknown 'refuse': must be never or retry"},
      {RULE("FirstOkay never"),
       "Rule 'overheat': FirstOkay 'never': must be ignore or send"},
  };
  CHECK_CASES(state, cases);
}

static void a_pattern_that_is_no_regular_expression_is_refused(void **state) {
#define REGEX_RULE "must be a regular expression between its slashes: "
  static const struct fault_case cases[] = {
      {RULE("Host '/(/'"),
       "Rule 'overheat': Host '/(/': " REGEX_RULE "Unmatched ( or \\("},
      {RULE("Message '//'"), "Rule 'overheat': Message '//': " REGEX_RULE
                             "an empty regular expression"},
      {RULE("Plugin '/[/'"), "Rule 'overheat': Plugin '/[/': " REGEX_RULE
                             "Invalid regular expression"},
      {RULE("PluginInstance true"),
       "Rule 'overheat': PluginInstance true: " WORD_RULE},
      {RULE("Type 'a' 'b'"),
       "Rule 'overheat': Type 'a' 'b': must be one text in quotes: give the "
       "option once for each"},
      {RULE("TypeInstance 0.5"),
       "Rule 'overheat': TypeInstance 0.5: must be one text in quotes"},
      {RULE("DataSource '/a{2,1}/'"),
       "Rule 'overheat': DataSource '/a{2,1}/': " REGEX_RULE
       "Invalid content of \\{\\}"},
  };
  CHECK_CASES(state, cases);
}

static void options_of_the_other_source_are_refused(void **state) {
  static const struct fault_case cases[] = {
      {VALUE("Combine worst"),
       "Rule 'overheat': Combine 'worst': must be none with Source value"},
      {VALUE("ForgetAfter 60"),
       "Rule 'overheat': ForgetAfter 60: only goes with Source notification"},
      {VALUE("FirstOkay send"),
       "Rule 'overheat': FirstOkay 'send': only goes with Source notification"},
      {VALUE("OnMissing 'x'"),
       "Rule 'overheat': OnMissing 'x': only goes with Source notification"},
      {VALUE("After 60"),
       "Rule 'overheat': After 60: only goes with Source notification"},
      {VALUE("Until 60\nOnOkay 'x'"),
       "Rule 'overheat': Until 60: only goes with Source notification\n"
       "Rule 'overheat': OnOkay 'x': only goes with Source notification"},
      {VALUE("Message 'x'"),
       "Rule 'overheat': Message 'x': only goes with Source notification"},
      {RULE("Deadband 1"),
       "Rule 'overheat': Deadband 1: only goes with Source value"},
  };
  CHECK_CASES(state, cases);
}

static void no_command_waits_longer_than_it_is_valid(void **state) {
#define PUMP "<Device pump>\nDeviceID '2'\nTimeout 60\n</Device>\n"
  static const struct fault_case cases[] = {
      {RULE("Expire 3601"),
       "Rule 'overheat': Expire 3601: must be 1..3600, the "
       "Timeout of device 'fan'"},
      {RULE("Expire 0"), "Rule 'overheat': Expire 0: must be 1..3600, the "
                         "Timeout of device 'fan'"},
      {RULE("Expire 61\nTimeout 60"),
       "Rule 'overheat': Expire 61: must be 1..60, the Timeout"},
      {RULE("Timeout 60\nExpire 0"),
       "Rule 'overheat': Expire 0: must be 1..60, the Timeout"},
      {PUMP RULE("Expire 3600\nDevice pump"),
       "Rule 'overheat': Expire 3600: must be 1..60, the Timeout of device "
       "'pump'"},
  };
  CHECK_CASES(state, cases);
}

static void what_is_taken_back_has_fired_and_has_a_body(void **state) {
  static const struct fault_case cases[] = {
      {RULE("After 600\nUntil 600\nOnOkay '0'"),
       "Rule 'overheat': Until 600: must be more than 600, the After"},
      {RULE("Until 1"),
       "Rule 'overheat': Until 1: needs OnOkay, the body that is sent then"},
  };
  CHECK_CASES(state, cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_device_s_options_are_checked),
      TEST(a_device_needs_an_endpoint_that_exists),
      TEST(each_bad_line_of_a_device_file_is_told),
      TEST(a_device_file_that_can_not_be_used_is_told),
      TEST(of_a_device_file_that_is_all_wrong_twenty_lines_are_told),
      TEST(a_rule_needs_a_device_that_exists),
      TEST(a_rule_needs_a_body_of_its_source),
      TEST(a_body_that_can_never_be_sent_is_refused),
      TEST(a_template_that_does_not_parse_is_refused),
      TEST(a_json_body_that_does_not_parse_is_refused),
      TEST(json_with_bare_quotes_is_told_how_to_write_them),
      TEST(what_took_the_place_of_an_old_option_is_told),
      TEST(a_rule_s_options_have_ranges),
      TEST(a_pattern_that_is_no_regular_expression_is_refused),
      TEST(options_of_the_other_source_are_refused),
      TEST(no_command_waits_longer_than_it_is_valid),
      TEST(what_is_taken_back_has_fired_and_has_a_body),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
