/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a configuration, and the exact lines that say so. In all
 * texts ' stands for ".
 */
#include "options_cases.h"

#include "basics.h"

/* ---- any block ---- */

static void
an_option_that_is_not_known_is_refused_with_a_suggestion(void **state) {
  static const struct fault_case cases[] = {
      {"Legder 'x'",
       "Plugin 'onenet': Legder: unknown option, did you mean Ledger?"},
      {"Interval 10", "Plugin 'onenet': Interval: unknown option"},
      {"<Endpiont cloud>\n</Endpiont>",
       "Plugin 'onenet': Endpiont: unknown option, did you mean Endpoint?"},
      {"<Node cloud>\nURL 'x'\n</Node>",
       "Plugin 'onenet': Node: unknown option"},
      {ENDPOINT("ApiKeyFiles 'key'"), "Endpoint 'cloud': ApiKeyFiles: unknown "
                                      "option, did you mean APIKeyFile?"},
      {KEYLESS("APIKeys 's3cret'"),
       "Endpoint 'cloud': APIKeys: unknown option, did you mean APIKey?\n"
       "Endpoint 'cloud': APIKeyFile: missing, must be one of APIKeyFile, "
       "APIKey, or AccessKeyFile with Resource"},
      {ENDPOINT("Timeout 3"), "Endpoint 'cloud': Timeout: unknown "
                              "option here, it goes into <Device> or <Rule>"},
      {"APIKey 's3cret'", "Plugin 'onenet': APIKey: unknown option here, it "
                          "goes into <Endpoint>"},
      {"DeviceID '8029377'", "Plugin 'onenet': DeviceID: unknown option here, "
                             "it goes into <Device>"},
      {DEVICE("Ledger 'x'"), "Device 'fan': Ledger: unknown option here, it "
                             "goes into <Plugin onenet>"},
      {RULE("OnOk 'off'"),
       "Rule 'overheat': OnOk: unknown option, did you mean OnOkay?"},
      {DEVICE("TimeOuts 3"),
       "Device 'fan': TimeOuts: unknown option, did you mean Timeout?"},
      {DEVICE("Foo 3"), "Device 'fan': Foo: unknown option"},
      {RULE("OnFailur 'x'"),
       "Rule 'overheat': OnFailur: unknown option, did you mean OnFailure?"},
      {RULE("TypeInstanse 'x'"),
       "Rule 'overheat': TypeInstanse: unknown option, did you mean "
       "TypeInstance?"},
      {RULE("Severity failure"), "Rule 'overheat': Severity: unknown option"},
  };
  CHECK_CASES(state, cases);
}

static void an_option_given_twice_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {"DryRun true\ndryrun false",
       "Plugin 'onenet': DryRun false: given more than once"},
      {ENDPOINT("URL 'http://other.test/'"),
       "Endpoint 'cloud': URL 'http://other.test/': given more than once"},
      {ENDPOINT("APIKey 's3cret'"),
       "Endpoint 'cloud': APIKey '...': given more than once"},
      {DEVICE("Timeout 1\nTimeout 2\nTimeout 3"),
       "Device 'fan': Timeout 2: given more than once\n"
       "Device 'fan': Timeout 3: given more than once"},
      {RULE("OnFailure 'off'"),
       "Rule 'overheat': OnFailure 'off': given more than once"},
      {RULE("Source notification\nSource notification"),
       "Rule 'overheat': Source 'notification': given more than once"},
      {RULE("Device 'FAN'"),
       "Rule 'overheat': Device 'FAN': given more than once"},
      {RULE("Device '%{host}'\nDevice '%{host}'"),
       "Rule 'overheat': Device '%{host}': given more than once"},
  };
  CHECK_CASES(state, cases);
}

static void a_block_needs_a_valid_name(void **state) {
  static const struct fault_case cases[] = {
      {ENDPOINT("") "<Device>\nDeviceID '1'\n</Device>", "Device: " NAME_RULE},
      {ENDPOINT("") "<Device ''>\nDeviceID '1'\n</Device>",
       "Device '': " NAME_RULE},
      {ENDPOINT("") "<Device 'a b'>\nDeviceID '1'\n</Device>",
       "Device 'a b': " NAME_RULE},
      {ENDPOINT("") "<Device 'a\nb\x7f'>\nDeviceID '1'\n</Device>",
       "Device 'a?b?': " NAME_RULE},
      {ENDPOINT("") "<Device a b>\nDeviceID '1'\n</Device>",
       "Device 'a' 'b': " NAME_RULE},
      {ENDPOINT("") "<Device on>\nDeviceID '1'\n</Device>",
       "Device true: " NAME_RULE},
      {ENDPOINT("") "<Device 1.5>\nDeviceID '1'\n</Device>",
       "Device 1.5: " NAME_RULE},
      {ENDPOINT("") "<Device '" C64 "'>\nDeviceID '1'\n</Device>",
       "Device '" C64 "': " NAME_RULE},
      {"<Endpoint 'a/b'>\nURL 'https://a.test/cmds'\nAPIKey 'k'\n</Endpoint>",
       "Endpoint 'a/b': " NAME_RULE},
      {DEVICE("") "<Rule '%{host}'>\nDevice fan\nOnFailure 'on'\n</Rule>",
       "Rule '%{host}': " NAME_RULE},
      {ENDPOINT("") "<Device agent>\nDeviceID '1'\n</Device>",
       "Device 'agent': this name is reserved"},
      {"<Endpoint Agent>\nURL 'https://a.test/cmds'\nAPIKey 'k'\n</Endpoint>",
       "Endpoint 'Agent': this name is reserved"},
      {DEVICE("") "<Rule agent>\nDevice fan\nOnFailure 'on'\n</Rule>",
       "Rule 'agent': this name is reserved"},
      {DEVICE("") "<Rule OneNETctl>\nDevice fan\nOnFailure 'on'\n</Rule>",
       "Rule 'OneNETctl': what onenetctl sends by hand bears this name"},
  };
  CHECK_CASES(state, cases);
}

static void a_name_that_is_taken_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {ENDPOINT("") ENDPOINT(""),
       "Endpoint 'cloud': an Endpoint has this name already"},
      {DEVICE("") "<Device FAN>\nDeviceID '2'\n</Device>",
       "Device 'FAN': a Device has this name already"},
      {"<Device CLOUD>\nDeviceID '2'\n</Device>\n" ENDPOINT(""),
       "Device 'CLOUD': an Endpoint has this name already"},
      {RULE("") "<Rule Overheat>\nDevice fan\nOnFailure 'on'\n</Rule>",
       "Rule 'Overheat': a Rule has this name already"},
  };
  CHECK_CASES(state, cases);
}

static void a_value_of_the_wrong_type_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {"HistoryDays '30'", "Plugin 'onenet': HistoryDays '30': must be one "
                           "number without quotes, 1..3650"},
      {"HistoryDays true", "Plugin 'onenet': HistoryDays true: must be one "
                           "number without quotes, 1..3650"},
      {"HistoryDays 1 2", "Plugin 'onenet': HistoryDays 1 2: must be one "
                          "number without quotes, 1..3650"},
      {"HistoryDays 1.5", "Plugin 'onenet': HistoryDays 1.5: must be a whole "
                          "number, 1..3650"},
      {"DryRun 1", "Plugin 'onenet': DryRun 1: must be true or false"},
      {"DryRun maybe",
       "Plugin 'onenet': DryRun 'maybe': must be true or false"},
      {"DryRun true false",
       "Plugin 'onenet': DryRun true false: must be true or false"},
      {"Ledger 'a' 'b'",
       "Plugin 'onenet': Ledger 'a' 'b': must be one text in quotes"},
      {"Ledger false", "Plugin 'onenet': Ledger false: " WORD_RULE},
      {"LedgerSync 1", "Plugin 'onenet': LedgerSync 1: must be full or normal"},
      {"<Ledger 'x'>\nDryRun true\n</Ledger>",
       "Plugin 'onenet': Ledger 'x': must not be a block"},
      {RULE("OnOkay off"), "Rule 'overheat': OnOkay false: " WORD_RULE},
      {RULE("OnOkay 1.5"),
       "Rule 'overheat': OnOkay 1.5: must be one text in quotes"},
  };
  CHECK_CASES(state, cases);
}

static void a_long_value_is_cut(void **state) {
  static const struct fault_case cases[] = {
      {"LedgerSync '" C64 C64 "'",
       "Plugin 'onenet': LedgerSync '" C64 C16 "...': must be full or normal"},
      /* Not within a character. */
      {"LedgerSync '" C64 "0123456789abcde\xc3\xa4x'",
       "Plugin 'onenet': LedgerSync '" C64 "0123456789abcde...': must be full "
       "or normal"},
  };
  CHECK_CASES(state, cases);
}

static void control_characters_are_not_told(void **state) {
  static const struct fault_case cases[] = {
      {"LedgerSync 'a\nb\x1b'",
       "Plugin 'onenet': LedgerSync 'a?b?': must be full or normal"},
      {"Ledger 'a\tb'", "Plugin 'onenet': Ledger 'a?b': must not be empty and "
                        "must hold no control characters"},
  };
  CHECK_CASES(state, cases);
}

/* ---- Plugin ---- */

static void the_plugin_s_options_have_ranges(void **state) {
  static const struct fault_case cases[] = {
      {"Ledger ''", "Plugin 'onenet': Ledger '': must not be empty and must "
                    "hold no control characters"},
      {"LedgerGroup 'nobody-has-this'",
       "Plugin 'onenet': LedgerGroup 'nobody-has-this': no such group: make it "
       "with groupadd, or mend the name"},
      {"LedgerGroup ''", "Plugin 'onenet': LedgerGroup '': must not be empty "
                         "and must hold no control characters"},
      {"LedgerSync off", "Plugin 'onenet': LedgerSync false: must be full or "
                         "normal"},
      {"HistoryDays 0", "Plugin 'onenet': HistoryDays 0: must be 1..3650"},
      {"HistoryDays 3651",
       "Plugin 'onenet': HistoryDays 3651: must be 1..3650"},
      {"HistoryMax -1", "Plugin 'onenet': HistoryMax -1: must be 0..100000000"},
      {"HistoryMax 100000001",
       "Plugin 'onenet': HistoryMax 100000001: must be 0..100000000"},
      {"SeriesMax 999",
       "Plugin 'onenet': SeriesMax 999: must be 1000..10000000"},
      {"SeriesMax 10000001",
       "Plugin 'onenet': SeriesMax 10000001: must be 1000..10000000"},
      {"QueueLimit 0", "Plugin 'onenet': QueueLimit 0: must be 1..10000000"},
      {"QueueLimit 10000001",
       "Plugin 'onenet': QueueLimit 10000001: must be 1..10000000"},
      {"QueueBytes 65535",
       "Plugin 'onenet': QueueBytes 65535: must be 65536..1099511627776"},
      {"QueueBytes 1099511627777",
       "Plugin 'onenet': QueueBytes 1099511627777: must be "
       "65536..1099511627776"},
      {"QueueBytes 99999999999999999999",
       "Plugin 'onenet': QueueBytes 1e+20: must be 65536..1099511627776"},
      {"ShutdownTimeout 0",
       "Plugin 'onenet': ShutdownTimeout 0: must be 1..60"},
      {"ShutdownTimeout 61",
       "Plugin 'onenet': ShutdownTimeout 61: must be 1..60"},
      {"NotifyOutcomes some", "Plugin 'onenet': NotifyOutcomes 'some': must be "
                              "all, failures or none"},
      {"DeviceMetrics -1",
       "Plugin 'onenet': DeviceMetrics -1: must be 0..1000000"},
      {"DeviceMetrics 1000001",
       "Plugin 'onenet': DeviceMetrics 1000001: must be 0..1000000"},
      {"CommandSeries 'perhaps'",
       "Plugin 'onenet': CommandSeries 'perhaps': must be true or false"},
  };
  CHECK_CASES(state, cases);
}

static void a_ledger_needs_a_directory_that_exists(void **state) {
#define MAKE_IT                                                                \
  " does not exist: make it, for the user that collectd runs as, or mend the " \
  "path"
  static const struct fault_case cases[] = {
      {"Ledger '/nowhere/onenet.db'",
       "Plugin 'onenet': Ledger '/nowhere/onenet.db': the directory "
       "/nowhere" MAKE_IT},
      {"Ledger 'sub/onenet.db'",
       "Plugin 'onenet': Ledger 'sub/onenet.db': the directory "
       "$DIR/sub" MAKE_IT},
      {"Ledger '$DIR'",
       "Plugin 'onenet': Ledger '$DIR': is a directory: must be the path of a "
       "file in it, as in $DIR/onenet.db"},
  };
  CHECK_CASES(state, cases);
}

/* ---- Endpoint ---- */

static void a_url_that_is_not_plainly_right_is_refused(void **state) {
#define URL_RULE                                                               \
  "must be http://HOST[:PORT]/cmds or https://HOST[:PORT]/cmds, without a "    \
  "user, a fragment or white space"
#define URL_CASE(url)                                                          \
  { URL("'" url "'"), "Endpoint 'cloud': URL '" url "': " URL_RULE }
  static const struct fault_case cases[] = {
      {BARE_ENDPOINT("APIKey 'k3y'"),
       "Endpoint 'cloud': URL: missing, must be http://HOST[:PORT]/cmds or "
       "https://HOST[:PORT]/cmds"},
      {URL("''"), "Endpoint 'cloud': URL '': " URL_RULE},
      {URL("80"), "Endpoint 'cloud': URL 80: " URL_RULE},
      URL_CASE("api.heclouds.com/cmds"),
      URL_CASE("ftp://cloud.test/"),
      URL_CASE("file:///etc/passwd"),
      URL_CASE("https:/cloud.test/"),
      URL_CASE("https://"),
      URL_CASE("https:///cmds"),
      URL_CASE("https://:443/cmds"),
      URL_CASE("https://cloud.test:/cmds"),
      URL_CASE("https://cloud.test:0/cmds"),
      URL_CASE("https://cloud.test:65536/cmds"),
      URL_CASE("https://cloud.test:443x/cmds"),
      URL_CASE("https://cloud.test:000443/cmds"),
      URL_CASE("https://cloud.test/cmds#top"),
      URL_CASE("https://cloud.test/c mds"),
      URL_CASE(" https://cloud.test/cmds"),
      URL_CASE("https://cloud test/cmds"),
      URL_CASE("https://[::1/cmds"),
      URL_CASE("https://[]/cmds"),
      URL_CASE("https://[::1]8080/cmds"),
      URL_CASE("https://\xc3\xa4.test/cmds"),
      {URL("'https://cloud.test/\ncmds'"),
       "Endpoint 'cloud': URL 'https://cloud.test/?cmds': " URL_RULE},
      {URL("'https://user:s3cret@cloud.test/cmds'"),
       "Endpoint 'cloud': URL '...': " URL_RULE},
  };
  CHECK_CASES(state, cases);
}

static void a_url_to_which_no_command_can_be_sent_is_refused(void **state) {
#define END_CASE(origin, rest)                                                 \
  {                                                                            \
    URL("'" origin rest "'"),                                                  \
        "Endpoint 'cloud': URL '" origin rest                                  \
        "': its path must end in /cmds, as in " origin "/cmds"                 \
  }
#define OWN_CASE(query, parameter)                                             \
  {                                                                            \
    URL("'https://a.test/cmds" query "'"),                                     \
        "Endpoint 'cloud': URL 'https://a.test/cmds" query                     \
        "': must not hold " parameter                                          \
        ", which the plugin adds to it for each command; take it out"          \
  }
  static const struct fault_case cases[] = {
      END_CASE("https://api.heclouds.com", ""),
      END_CASE("https://api.heclouds.com", "/"),
      END_CASE("https://api.heclouds.com", "/cmds/"),
      END_CASE("https://api.heclouds.com", "/CMDS"),
      END_CASE("https://api.heclouds.com", "/xcmds"),
      END_CASE("https://api.heclouds.com", "/devices/8029377"),
      END_CASE("http://[::1]:8080", "?x=/cmds"),
      END_CASE("https://cmds", ""),
      OWN_CASE("?device_id=8029377", "device_id"),
      OWN_CASE("?v=1&timeout=60", "timeout"),
      OWN_CASE("?qos", "qos"),
  };
  CHECK_CASES(state, cases);
}

static void one_credential_is_needed_and_no_more(void **state) {
#define ONLY_ONE "must be the only one of APIKeyFile, APIKey and AccessKeyFile"
  static const struct fault_case cases[] = {
      {KEYLESS(""), "Endpoint 'cloud': APIKeyFile: missing, must be one of "
                    "APIKeyFile, APIKey, or AccessKeyFile with Resource"},
      {ENDPOINT("APIKeyFile 'key'"),
       "Endpoint 'cloud': APIKeyFile 'key': " ONLY_ONE},
      {KEYLESS("APIKeyFile 'key'\nAPIKey 's3cret'"),
       "Endpoint 'cloud': APIKey '...': " ONLY_ONE},
      {KEYLESS("APIKeyFile 'key'\nAccessKeyFile 'access'\nResource 'r'"),
       "Endpoint 'cloud': AccessKeyFile 'access': " ONLY_ONE},
      {KEYLESS("AccessKeyFile 'access'"),
       "Endpoint 'cloud': Resource: missing, must be given with AccessKeyFile"},
      {ENDPOINT("Resource 'products/1'"), "Endpoint 'cloud': Resource "
                                          "'products/1': only goes with "
                                          "AccessKeyFile"},
      {ENDPOINT("TokenMethod md5\nTokenLifetime 60"),
       "Endpoint 'cloud': TokenMethod 'md5': only goes with AccessKeyFile\n"
       "Endpoint 'cloud': TokenLifetime 60: only goes with AccessKeyFile"},
      {KEYLESS("AccessKeyFile 'access'\nResource ''"),
       "Endpoint 'cloud': Resource '': must not be empty and must hold no "
       "control characters"},
  };
  CHECK_CASES(state, cases);
}

static void a_key_that_can_not_be_used_is_refused(void **state) {
#define KEY_ITSELF                                                             \
  "must be the path of a file, and there is none; if this is the key itself, " \
  "put it into a file, and the path of that file here"
#define BLANKS                                                                 \
  "must not begin or end with a blank; take the blanks around the key away"
  static const struct fault_case cases[] = {
      {KEYLESS("APIKey ''"),
       "Endpoint 'cloud': APIKey '...': must not be empty "
       "and must hold no control characters"},
      {KEYLESS("APIKey 's3\ncret'"),
       "Endpoint 'cloud': APIKey '...': must not be empty and must hold no "
       "control characters"},
      {KEYLESS("APIKey true"), "Endpoint 'cloud': APIKey '...': " WORD_RULE},
      {KEYLESS("APIKey 's3' 'cret'"),
       "Endpoint 'cloud': APIKey '...': must be one text in quotes"},
      {KEYLESS("APIKey '  '"),
       "Endpoint 'cloud': APIKey '...': APIKey: the key is empty"},
      {KEYLESS("APIKey ' s3cret'"), "Endpoint 'cloud': APIKey '...': " BLANKS},
      {KEYLESS("APIKey 's3cret '"), "Endpoint 'cloud': APIKey '...': " BLANKS},
      {KEYLESS("APIKeyFile 'none'"),
       "Endpoint 'cloud': APIKeyFile 'none': must be a file that can be read: "
       "$DIR/none: No such file or directory; put the key into this file"},
      {KEYLESS("APIKeyFile 's3cret='"),
       "Endpoint 'cloud': APIKeyFile '...': " KEY_ITSELF},
      {KEYLESS("AccessKeyFile 's3creta/Xw+longer0123456'\nResource 'r'"),
       "Endpoint 'cloud': AccessKeyFile '...': " KEY_ITSELF},
      {KEYLESS("APIKeyFile '/nowhere/key'"),
       "Endpoint 'cloud': APIKeyFile '/nowhere/key': must be a file that can "
       "be read: /nowhere/key: No such file or directory; put the key into "
       "this file"},
      {KEYLESS("APIKeyFile '.'"),
       "Endpoint 'cloud': APIKeyFile '.': must be a file that can be read: "
       "$DIR/.: not a regular file"},
      {KEYLESS("AccessKeyFile 'none'\nResource 'r'"),
       "Endpoint 'cloud': AccessKeyFile 'none': must be a file that can be "
       "read: $DIR/none: No such file or directory; put the key into this "
       "file"},
  };
  CHECK_CASES(state, cases);
}

static void an_endpoint_s_options_have_ranges(void **state) {
#define TOKEN(lines)                                                           \
  KEYLESS("AccessKeyFile 'access'\nResource 'products/1'\n" lines)
  static const struct fault_case cases[] = {
      {TOKEN("TokenMethod sha512"), "Endpoint 'cloud': TokenMethod 'sha512': "
                                    "must be md5, sha1 or sha256"},
      {TOKEN("TokenLifetime 59"),
       "Endpoint 'cloud': TokenLifetime 59: must be 60..2592000"},
      {TOKEN("TokenLifetime 2592001"),
       "Endpoint 'cloud': TokenLifetime 2592001: must be 60..2592000"},
      {ENDPOINT("ConnectTimeout 0"),
       "Endpoint 'cloud': ConnectTimeout 0: must be 1..300"},
      {ENDPOINT("ConnectTimeout 301"),
       "Endpoint 'cloud': ConnectTimeout 301: must be 1..300"},
      {ENDPOINT("RequestTimeout 0"),
       "Endpoint 'cloud': RequestTimeout 0: must be 1..300"},
      {ENDPOINT("RequestTimeout 301"),
       "Endpoint 'cloud': RequestTimeout 301: must be 1..300"},
      {ENDPOINT("MaxInFlight 0"),
       "Endpoint 'cloud': MaxInFlight 0: must be 1..1024"},
      {ENDPOINT("MaxInFlight 1025"),
       "Endpoint 'cloud': MaxInFlight 1025: must be 1..1024"},
      {ENDPOINT("BreakerThreshold 0"),
       "Endpoint 'cloud': BreakerThreshold 0: must be 1..1000000"},
      {ENDPOINT("BreakerThreshold 1000001"),
       "Endpoint 'cloud': BreakerThreshold 1000001: must be 1..1000000"},
      {ENDPOINT("RateLimit 250"),
       "Endpoint 'cloud': RateLimit 250: " RATE_RULE},
      {ENDPOINT("RateLimit 0 1"),
       "Endpoint 'cloud': RateLimit 0 1: " RATE_RULE},
      {ENDPOINT("RateLimit 1000001 1"),
       "Endpoint 'cloud': RateLimit 1000001 1: " RATE_RULE},
      {ENDPOINT("RateLimit 1 0"),
       "Endpoint 'cloud': RateLimit 1 0: " RATE_RULE},
      {ENDPOINT("RateLimit 1 86401"),
       "Endpoint 'cloud': RateLimit 1 86401: " RATE_RULE},
      {ENDPOINT("RateLimit 1.5 1"),
       "Endpoint 'cloud': RateLimit 1.5 1: " RATE_RULE},
      {ENDPOINT("RateLimit 1 2 3"),
       "Endpoint 'cloud': RateLimit 1 2 3: " RATE_RULE},
      {ENDPOINT("RateLimit '250' '1'"),
       "Endpoint 'cloud': RateLimit '250' '1': " RATE_RULE},
  };
  CHECK_CASES(state, cases);
}

static void options_of_tls_and_http_are_checked(void **state) {
#define HEADER_RULE "must be 'Name: value'"
#define OURS                                                                   \
  "must not be a header that the plugin sets itself: api-key, "                \
  "Authorization, Content-Type, Content-Length, Host, Expect or "              \
  "Transfer-Encoding"
#define SSL_RULE "must be DEFAULT, TLSv1, TLSv1_0, TLSv1_1, TLSv1_2 or TLSv1_3"
  static const struct fault_case cases[] = {
      {ENDPOINT("VerifyPeer never"),
       "Endpoint 'cloud': VerifyPeer 'never': must be true or false"},
      {ENDPOINT("VerifyHost 0"),
       "Endpoint 'cloud': VerifyHost 0: must be true or false"},
      {ENDPOINT("SSLVersion SSLv2"),
       "Endpoint 'cloud': SSLVersion 'SSLv2': " SSL_RULE},
      {ENDPOINT("SSLVersion SSLv3"),
       "Endpoint 'cloud': SSLVersion 'SSLv3': " SSL_RULE},
      {ENDPOINT("SSLVersion 1.2"),
       "Endpoint 'cloud': SSLVersion 1.2: " SSL_RULE},
      {ENDPOINT("CACert 'none'"),
       "Endpoint 'cloud': CACert 'none': must be a file that can be read: "
       "$DIR/none: No such file or directory"},
      {ENDPOINT("CACert '.'"),
       "Endpoint 'cloud': CACert '.': must be a file that can be read: "
       "$DIR/.: not a regular file"},
      {ENDPOINT("CAPath 'none'"),
       "Endpoint 'cloud': CAPath 'none': must be a directory that can be read: "
       "$DIR/none: No such file or directory"},
      {ENDPOINT("CAPath 'key'"),
       "Endpoint 'cloud': CAPath 'key': must be a directory that can be read: "
       "$DIR/key: Not a directory"},
      {ENDPOINT("ClientCert 'none'"),
       "Endpoint 'cloud': ClientCert 'none': must be a file that can be read: "
       "$DIR/none: No such file or directory"},
      {ENDPOINT("ClientKey 'none'"),
       "Endpoint 'cloud': ClientKey 'none': must be a file that can be read: "
       "$DIR/none: No such file or directory; put the key into this file"},
      {ENDPOINT("ClientKeyPass ''"),
       "Endpoint 'cloud': ClientKeyPass '...': " LINE_RULE},
      {ENDPOINT("Proxy 'http://u:s3cret@p.test\n'"),
       "Endpoint 'cloud': Proxy '...': " LINE_RULE},
      {ENDPOINT("UserAgent 'a\r\nHost: b'"),
       "Endpoint 'cloud': UserAgent 'a??Host: b': " LINE_RULE},
      {ENDPOINT("Header 'X-A: b\r\nHost: c'"),
       "Endpoint 'cloud': Header '...': " LINE_RULE},
      {ENDPOINT("Header 'X-A: b\nc'"),
       "Endpoint 'cloud': Header '...': " LINE_RULE},
      {ENDPOINT("Header 'X-A'"),
       "Endpoint 'cloud': Header '...': " HEADER_RULE},
      {ENDPOINT("Header 'X-A:  '"),
       "Endpoint 'cloud': Header '...': " HEADER_RULE},
      {ENDPOINT("Header ': b'"),
       "Endpoint 'cloud': Header '...': " HEADER_RULE},
      {ENDPOINT("Header 'X A: b'"),
       "Endpoint 'cloud': Header '...': " HEADER_RULE},
      {ENDPOINT("Header 'X-A;'"),
       "Endpoint 'cloud': Header '...': " HEADER_RULE},
      {ENDPOINT("Header 'API-Key: s3cret'"),
       "Endpoint 'cloud': Header '...': " OURS},
      {ENDPOINT("Header 'authorization: s3cret'\nHeader 'Host: b'"),
       "Endpoint 'cloud': Header '...': " OURS "\n"
       "Endpoint 'cloud': Header '...': " OURS},
      {ENDPOINT("Header 'Content-Type: b'"),
       "Endpoint 'cloud': Header '...': " OURS},
      {ENDPOINT("Header 'Content-Length: 9'"),
       "Endpoint 'cloud': Header '...': " OURS},
      {ENDPOINT("Header 'Expect: 100-continue'"),
       "Endpoint 'cloud': Header '...': " OURS},
      {ENDPOINT("Header 'Transfer-Encoding: chunked'"),
       "Endpoint 'cloud': Header '...': " OURS},
  };
  CHECK_CASES(state, cases);
}

/* ---- all together ---- */

static void all_faults_are_told_in_the_order_of_the_file(void **state) {
  static const struct fault_case cases[] = {
      {"<Rule overheat>\n"
       "  OnFailur 'on'\n"
       "  Cooldown -1\n"
       "  Device 'fann'\n"
       "  Source event\n"
       "</Rule>\n"
       "HistoryDays 0\n"
       "<Device 'a fan'>\n"
       "  Timeout -1\n"
       "  QoS 7\n"
       "</Device>\n"
       "Interval 10\n"
       "<Endpoint cloud>\n"
       "  MaxInFlight 0\n"
       "  APIKey 's3cret'\n"
       "</Endpoint>\n"
       "DeviceFile 'none.csv'\n"
       "<Device fan>\n"
       "  DeviceID '8029377'\n"
       "</Device>\n"
       "QueueLimit 0\n",
       "Rule 'overheat': OnFailur: unknown option, did you mean OnFailure?\n"
       "Rule 'overheat': Cooldown -1: must be 0..2678400\n"
       "Rule 'overheat': Device 'fann': no such device, did you mean fan?\n"
       "Rule 'overheat': Source 'event': must be notification or value\n"
       "Rule 'overheat': OnFailure: missing, must be a template, or OnWarning, "
       "OnMissing or OnOkay\n"
       "Plugin 'onenet': HistoryDays 0: must be 1..3650\n"
       "Device 'a fan': " NAME_RULE "\n"
       "Device 'a fan': Timeout -1: must be 0..2678400\n"
       "Device 'a fan': QoS 7: must be 0..1\n"
       "Device 'a fan': DeviceID: missing, " ID_RULE "\n"
       "Plugin 'onenet': Interval: unknown option\n"
       "Endpoint 'cloud': MaxInFlight 0: must be 1..1024\n"
       "Endpoint 'cloud': URL: missing, must be http://HOST[:PORT]/cmds or "
       "https://HOST[:PORT]/cmds\n"
       "Plugin 'onenet': DeviceFile 'none.csv': must be a file that can be "
       "read: $DIR/none.csv: No such file or directory\n"
       "Plugin 'onenet': QueueLimit 0: must be 1..10000000"},
  };
  CHECK_CASES(state, cases);
}

static void two_blocks_without_a_name_do_not_take_each_other_s(void **state) {
  static const struct fault_case cases[] = {
      {ENDPOINT("") "<Device '?0'>\nDeviceID '1'\n</Device>\n"
                    "<Device ''>\nDeviceID '2'\n</Device>\n"
                    "<Rule ''>\nDevice '?0'\nOnOkay '1'\n</Rule>\n"
                    "<Rule ''>\nDevice '?9'\nOnOkay '1'\n</Rule>\n",
       "Device '?0': " NAME_RULE "\n"
       "Device '': " NAME_RULE "\n"
       "Rule '': " NAME_RULE "\n"
       "Rule '': " NAME_RULE "\n"
       "Rule '': Device '?9': no such device"},
  };
  CHECK_CASES(state, cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_option_that_is_not_known_is_refused_with_a_suggestion),
      TEST(an_option_given_twice_is_refused),
      TEST(a_block_needs_a_valid_name),
      TEST(a_name_that_is_taken_is_refused),
      TEST(a_value_of_the_wrong_type_is_refused),
      TEST(a_long_value_is_cut),
      TEST(control_characters_are_not_told),
      TEST(the_plugin_s_options_have_ranges),
      TEST(a_ledger_needs_a_directory_that_exists),
      TEST(a_url_that_is_not_plainly_right_is_refused),
      TEST(a_url_to_which_no_command_can_be_sent_is_refused),
      TEST(one_credential_is_needed_and_no_more),
      TEST(a_key_that_can_not_be_used_is_refused),
      TEST(an_endpoint_s_options_have_ranges),
      TEST(options_of_tls_and_http_are_checked),
      TEST(all_faults_are_told_in_the_order_of_the_file),
      TEST(two_blocks_without_a_name_do_not_take_each_other_s),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
