/* SPDX-License-Identifier: MIT
 *
 * options_cases owns the words for configurations that are wrong in one place,
 * and for what is said of them. See options_fixture for ' and $DIR.
 */
#ifndef ONENET_OPTIONS_CASES_H
#define ONENET_OPTIONS_CASES_H

#include "options_fixture.h"

/* ---- parts of configurations: all right but for what is put into them ---- */

#define BARE_ENDPOINT(lines) "<Endpoint cloud>\n" lines "\n</Endpoint>\n"
#define ENDPOINT(lines)                                                        \
  BARE_ENDPOINT("URL 'https://cloud.test/cmds'\nAPIKey 'k3y'\n" lines)
#define KEYLESS(lines) BARE_ENDPOINT("URL 'https://cloud.test/cmds'\n" lines)
#define URL(value) BARE_ENDPOINT("APIKey 'k3y'\nURL " value)
#define BARE_DEVICE(lines) ENDPOINT("") "<Device fan>\n" lines "\n</Device>\n"
#define DEVICE(lines) BARE_DEVICE("DeviceID '8029377'\n" lines)
#define BARE_RULE(lines)                                                       \
  DEVICE("Timeout 3600") "<Rule overheat>\n" lines "\n</Rule>\n"
#define RULE(lines) BARE_RULE("Device fan\nOnFailure '{}'\n" lines)
#define BODY(lines) BARE_RULE("Device fan\n" lines)
#define VALUE(lines) BARE_RULE("Device fan\nSource value\nOnValue '1'\n" lines)
#define JSON(body) BODY("Format json\nOnFailure " body)

#define C16 "0123456789abcdef"
#define C64 C16 C16 C16 C16
#define C128 C64 C64

/* ---- what is allowed ---- */

#define NAME_RULE "the name must be 1 to 63 characters of [A-Za-z0-9_.-]"
#define LINE_RULE "must not be empty and must hold no control characters"
#define WORD_RULE                                                              \
  "must be one text in quotes: without them on, off, yes and no are true and " \
  "false"
#define RATE_RULE "must be COUNT 1..1000000 and SECONDS 1..86400, two numbers"
#define ID_RULE "must be 1 to 128 printable ASCII characters"

#define CHECK_CASES(state, cases)                                              \
  options_fixture_check(*(state), cases, sizeof(cases) / sizeof((cases)[0]))

#endif
