/* SPDX-License-Identifier: MIT
 *
 * A configuration for which there is not enough memory: whatever can not be
 * had, it is refused as a whole, and nothing is said of it; or it is read as
 * with all memory.
 */
#include "options_fixture.h"

#include "conf_file.h"
#include "scarce_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- a configuration with everything that takes memory ---- */

static const char EVERYTHING[] =
    "Ledger 'some.db'\n"
    "LedgerGroup 'root'\n"
    "DeviceFile '$DIR/fleet.csv'\n"
    "<Endpoint cloud>\n"
    "URL 'https://cloud.test/cmds'\n"
    "APIKeyFile '$DIR/key'\n"
    "Proxy 'http://proxy.test:3128'\n"
    "Header 'X-Site: plant 7'\n"
    "Header 'X-Row: 8'\n"
    "UserAgent 'plant-7'\n"
    "CACert '$DIR/ca.pem'\n"
    "ClientCert '$DIR/client.pem'\n"
    "ClientKey '$DIR/client.key'\n"
    "ClientKeyPass 'password'\n"
    "</Endpoint>\n"
    "<Endpoint plain>\n"
    "URL 'https://cloud.test/cmds'\n"
    "APIKey 'k3y'\n"
    "</Endpoint>\n"
    "<Endpoint services>\n"
    "API 'call-service'\n"
    "URL 'https://iot.test/thingmodel/call-service'\n"
    "ProductID 'AbC12345xy'\n"
    "AccessKeyFile '$DIR/access'\n"
    "Resource 'products/AbC12345xy'\n"
    "</Endpoint>\n"
    "<Device fan>\nDeviceID '8029377'\nEndpoint cloud\n</Device>\n"
    "<Device valve>\nDeviceID 'v1'\nEndpoint services\n</Device>\n"
    "<Rule overheat>\n"
    "Host '/^rack/'\nHost 'lab'\nPlugin 'sensors'\nType 'temperature'\n"
    "Message '/hot/'\n"
    "Device fan\nDevice '%{host}'\n"
    "Format json\n"
    "OnFailure "
    "'{\\'fan\\':\\'on\\',\\'t\\':%{value},\\'m\\':\\'%{message}\\'}'\n"
    "OnMissing '{}'\n"
    "OnOkayFile '$DIR/okay.json'\n"
    "ContentType 'application/x'\n"
    "</Rule>\n"
    "<Rule leak>\n"
    "Device valve\nService 'close'\nFormat json\nOnFailure '{\\'s\\':1}'\n"
    "</Rule>\n"
    "<Rule raw>\nDevice fan\nFormat base64\nOnFailure 'AAEC'\n</Rule>\n"
    "<Rule hex>\nDevice fan\nFormat hex\nOnFailure '00ff'\n</Rule>\n"
    "<Rule shown>\nSource value\nDevice rack7\nOnValue '%{value|none}'\n"
    "</Rule>\n";

static const char FLEET[] = "rack7,100,cloud,60\nrack8,101,plain\n# none\n";

/* With a fault and a warning, each of which is to be told. */
static const char WRONG[] =
    CLOUD FAN "<Rule overheat>\nDevice fna\nOnFailure 'on'\n"
              "OnOkay '%{valeu}'\nHost '/(/'\n</Rule>\n"
              "<Device fan>\nDeviceId '2'\n</Device>\nLedgerSink full\n";

/* ---- what is read of it ---- */

struct reading {
  struct options_fixture *f;
  const oconfig_item_t *block;
  int status; /* that is returned with all memory */
  size_t told;
};

static void count_remark(void *context, const struct options_remark *remark) {
  struct reading *r = context;
  assert_non_null(remark->line);
  r->told++;
}

static void assert_everything(const struct options *o) {
  assert_int_equal(directory_endpoint_count(o->directory), 3);
  assert_int_equal(directory_device_count(o->directory), 4);
  assert_int_equal(rule_book_count(o->rules), 5);
  assert_fires(o, &HOT,
               "overheat fan application/x {\"fan\":\"on\",\"t\":41.5,\"m\":"
               "\"too hot\"}\n"
               "overheat rack7 application/x {\"fan\":\"on\",\"t\":41.5,\"m\":"
               "\"too hot\"}\n"
               "leak valve application/json {\"s\":1}\n"
               "raw fan application/octet-stream \n"
               "hex fan application/octet-stream \n");
}

static void reads(void *context) {
  struct reading *r = context;
  struct options *o = NULL;
  r->told = 0;
  int status = options_read(r->block, r->f->directory, OPTIONS_FOR_CHECK,
                            count_remark, r, &o);
  scarce_memory_end();
  if (scarce_memory_missed() == 0)
    assert_int_equal(status, r->status);
  else if (status != r->status)
    assert_int_equal(status, -ENOMEM);
  if (status == -ENOMEM)
    assert_int_equal(r->told, 0);
  if (status == 0)
    assert_everything(o);
  else
    assert_null(o);
  options_free(o);
}

static void note_nothing(void *context, enum conf_level level, const char *path,
                         int line, const char *text) {
  (void)context, (void)level, (void)path, (void)line, (void)text;
}

static char *as_block(const struct options_fixture *f, const char *lines) {
  char *text = options_fixture_expand(f, lines);
  char *block = repeat("<Plugin onenet>\n", text, 1, "</Plugin>\n");
  free(text);
  return block;
}

static void walk(struct options_fixture *f, const char *lines, int status,
                 long at_least) {
  char *text = as_block(f, lines);
  struct conf_file *conf = NULL;
  struct reading r = {.f = f, .status = status};
  assert_int_equal(conf_file_read_text("conf", text, note_nothing, NULL, &conf),
                   0);
  r.block = &conf_file_root(conf)->children[0];
  scarce_memory_walk(NULL, reads, &r, at_least);
  conf_file_free(conf);
  free(text);
}

static void a_configuration_without_memory_is_refused(void **state) {
  struct options_fixture *f = *state;
  options_fixture_write(f, "fleet.csv", FLEET, strlen(FLEET), 0600);
  walk(f, EVERYTHING, 0, 100);
}

static void faults_without_memory_are_not_told_by_halves(void **state) {
  walk(*state, WRONG, -EINVAL, 30);
}

/* ---- the file that it stands in ---- */

struct file {
  char path[128];
};

static void count_note(void *context, enum conf_level level, const char *path,
                       int line, const char *text) {
  (void)level, (void)path, (void)line, (void)text;
  ++*(size_t *)context;
}

static void file_is_read(void *context) {
  const struct file *file = context;
  struct conf_file *conf = NULL;
  size_t notes = 0;
  int status = conf_file_read(file->path, count_note, &notes, &conf);
  scarce_memory_end();
  if (scarce_memory_missed() > 0)
    assert_int_equal(status, -ENOMEM);
  if (status == -ENOMEM) {
    assert_null(conf);
    return;
  }
  assert_int_equal(status, 0);
  assert_int_equal(notes, 0);
  assert_int_equal(conf_file_root(conf)->children_num, 2);
  conf_file_free(conf);
}

static void a_file_of_collectd_without_memory_is_not_read_by_halves(void **s) {
  struct options_fixture *f = *s;
  struct file file;
  char *block = as_block(f, EVERYTHING);
  char *include = options_fixture_expand(f, "Include '$DIR/part*'\nHostname "
                                            "'a\\'b'\n");
  options_fixture_write(f, "part.conf", block, strlen(block), 0600);
  options_fixture_write(f, "all.conf", include, strlen(include), 0600);
  snprintf(file.path, sizeof file.path, "%s/all.conf", f->directory);
  scarce_memory_walk(NULL, file_is_read, &file, 100);
  free(include);
  free(block);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_configuration_without_memory_is_refused),
      TEST(faults_without_memory_are_not_told_by_halves),
      TEST(a_file_of_collectd_without_memory_is_not_read_by_halves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
