/* SPDX-License-Identifier: MIT
 *
 * What a ledger of version 1 was: its schema, and rows as that version wrote
 * them at FIXTURE_NOW. Never to be changed: files like this are on disks.
 */
#ifndef ONENET_LEDGER_VERSION_1_H
#define ONENET_LEDGER_VERSION_1_H

#define LEDGER_VERSION_1                                                       \
  "CREATE TABLE commands ( id INTEGER PRIMARY KEY, created_at REAL "           \
  "NOT NULL, rule TEXT NOT NULL COLLATE NOCASE, device TEXT NOT NULL "         \
  "COLLATE NOCASE, device_id TEXT NOT NULL, endpoint TEXT NOT NULL "           \
  "COLLATE NOCASE, slot TEXT NOT NULL, series TEXT NOT NULL, "                 \
  "severity TEXT NOT NULL, body, content_type TEXT NOT NULL, qos "             \
  "INTEGER, timeout_s INTEGER NOT NULL, expires_at REAL, not_before "          \
  "REAL, state TEXT NOT NULL, outcome TEXT, attempts INTEGER NOT "             \
  "NULL, http_code INTEGER, errno INTEGER, error TEXT, cmd_uuid "              \
  "TEXT, sent_at REAL, finished_at REAL, status INTEGER, status_at "           \
  "REAL, answer, track_until REAL, cause TEXT, class TEXT, value "             \
  "REAL, valid_from REAL NOT NULL, waits_for_credentials INTEGER NOT "         \
  "NULL, doubtful INTEGER NOT NULL);"                                          \
  "INSERT INTO commands VALUES(1,1699999992.9990000724,'overheat','fa"         \
  "n','8029377','cloud','overheat/fan','host/sensors-core/temperature"         \
  "-x','failure','{\"fan\":\"on\"}','application/json',NULL,600,170000059"     \
  "4.996999979,1700000001.0069999694,'waiting',NULL,3,401,3,'auth "            \
  "failed','81572aae-fc34',1699999997.989000082,NULL,NULL,NULL,NULL,N"         \
  "ULL,'errno_3','credentials',81.25,1699999994.996999979,1,1);"               \
  "INSERT INTO commands VALUES(2,1699999992.9990000724,'overheat','fa"         \
  "n','8029377','cloud','overheat/fan','host/sensors-core/temperature"         \
  "-x','failure','{\"fan\":\"on\"}','application/json',NULL,600,170000059"     \
  "4.996999979,1700000001.0069999694,'in_flight',NULL,3,401,3,'auth "          \
  "failed','81572aae-fc34',1699999997.989000082,NULL,NULL,NULL,NULL,N"         \
  "ULL,'errno_3','credentials',81.25,1699999994.996999979,1,1);"               \
  "INSERT INTO commands VALUES(3,1699999992.9990000724,'overheat','fa"         \
  "n','8029377','cloud','overheat/fan','host/sensors-core/temperature"         \
  "-x','failure','{\"fan\":\"on\"}','application/json',NULL,600,170000059"     \
  "4.996999979,1700000001.0069999694,'finished','accepted',3,200,0,NU"         \
  "LL,'0b5b1c52-9e2f-5e7f-8c46-8d2f1d7d2c11',1699999997.989000082,170"         \
  "0000000.0,NULL,NULL,NULL,NULL,NULL,NULL,81.25,1699999994.996999979"         \
  ",1,1);"                                                                     \
  "INSERT INTO commands VALUES(4,1699999992.9990000724,'overheat','fa"         \
  "n','8029377','cloud','overheat/fan','host/sensors-core/temperature"         \
  "-x','failure','{\"fan\":\"on\"}','application/json',NULL,600,170000059"     \
  "4.996999979,1700000001.0069999694,'finished','refused',3,401,3,'au"         \
  "th failed',NULL,1699999997.989000082,1700000000.0,NULL,NULL,NULL,N"         \
  "ULL,'errno_3','credentials',81.25,1699999994.996999979,1,1);"               \
  "CREATE TABLE slots ( key TEXT PRIMARY KEY, rule TEXT NOT NULL "             \
  "COLLATE NOCASE, device TEXT NOT NULL COLLATE NOCASE, device_id "            \
  "TEXT NOT NULL, endpoint TEXT NOT NULL COLLATE NOCASE, "                     \
  "content_type TEXT NOT NULL, qos INTEGER, body, value REAL, "                \
  "accepted_at REAL, epoch INTEGER NOT NULL, cooldown_until REAL, "            \
  "last_event_at REAL NOT NULL);"                                              \
  "INSERT INTO slots VALUES('overheat/fan','overheat','fan','8029377'"         \
  ",'cloud','application/json',NULL,'{\"fan\":\"off\"}',-0.5,1699999959.9"     \
  "869999884,12,1700000020.0169999599,1699999992.9990000724);"                 \
  "CREATE TABLE series ( slot TEXT NOT NULL, name TEXT NOT NULL, "             \
  "rule TEXT NOT NULL COLLATE NOCASE, device TEXT NOT NULL COLLATE "           \
  "NOCASE, severity TEXT NOT NULL, body, okay_body, unsendable_bytes "         \
  "INTEGER, value REAL, arrived_at REAL NOT NULL, timed_severity "             \
  "TEXT, timed_at REAL, timed_arrived_at REAL, PRIMARY KEY (slot, "            \
  "name));"                                                                    \
  "INSERT INTO series VALUES('overheat/fan','host/sensors-core/temper"         \
  "ature-x','overheat','fan','failure','{\"fan\":\"on\"}',NULL,NULL,NULL,"     \
  "1699999100.0,NULL,NULL,NULL);"                                              \
  "CREATE TABLE totals ( device TEXT PRIMARY KEY COLLATE NOCASE, "             \
  "created INTEGER NOT NULL, accepted INTEGER NOT NULL, refused "              \
  "INTEGER NOT NULL, unknown INTEGER NOT NULL, expired INTEGER NOT "           \
  "NULL, superseded INTEGER NOT NULL, unchanged INTEGER NOT NULL, "            \
  "dropped INTEGER NOT NULL, cancelled INTEGER NOT NULL, epoch "               \
  "INTEGER NOT NULL);"                                                         \
  "INSERT INTO totals VALUES('fan',4,1,1,0,0,0,0,0,0,12);"                     \
  "CREATE INDEX commands_pending ON commands (device) WHERE state <> "         \
  "'finished';"                                                                \
  "CREATE INDEX commands_finished ON commands (finished_at) WHERE "            \
  "state = 'finished';"                                                        \
  "CREATE INDEX commands_tracked ON commands (id) WHERE track_until "          \
  "IS NOT NULL;"                                                               \
  "CREATE VIEW readable AS SELECT id, datetime(created_at, "                   \
  "'unixepoch', 'localtime') AS created, rule, device, severity, "             \
  "state, coalesce(outcome, '') AS outcome, attempts, "                        \
  "coalesce(datetime(not_before, 'unixepoch', 'localtime'), '')  AS "          \
  "next_attempt, coalesce(datetime(expires_at, 'unixepoch', "                  \
  "'localtime'), 'never')  AS expires, coalesce(round(finished_at - "          \
  "created_at, 1), '') AS seconds, coalesce(cause, '') AS cause, "             \
  "CASE typeof(body)  WHEN 'text' THEN substr(replace(replace(body,  "         \
  " char(13), ' '), char(10), ' '), 1, 40)  WHEN 'blob' THEN 'x''' "           \
  "|| hex(substr(body, 1, 16)) || ''''  ELSE '' END AS body, "                 \
  "coalesce(cmd_uuid, error, '') AS answer FROM commands;"                     \
  "CREATE VIEW pending AS SELECT id, created, rule, device, "                  \
  "severity, state, attempts, next_attempt, expires, cause, body, "            \
  "answer FROM readable WHERE state <> 'finished' ORDER BY +id;"               \
  "CREATE VIEW recent AS SELECT id, created, rule, device, severity, "         \
  "CASE outcome WHEN '' THEN state ELSE outcome END AS fate, "                 \
  "attempts, seconds, cause, body, answer FROM readable ORDER BY id "          \
  "DESC LIMIT 50;"                                                             \
  "CREATE VIEW by_device AS SELECT device, created, accepted, "                \
  "refused, unknown, expired, superseded, unchanged, dropped, "                \
  "cancelled, (SELECT count(*) FROM commands WHERE state <> "                  \
  "'finished'  AND commands.device = totals.device) AS pending FROM "          \
  "totals ORDER BY device;"                                                    \
  "CREATE VIEW balance AS SELECT *, created - ended - pending AS "             \
  "difference FROM (SELECT device, created, accepted + refused + "             \
  "unknown + expired  + superseded + unchanged + dropped + cancelled "         \
  "AS ended, pending  FROM by_device);"                                        \
  "CREATE VIEW errors_by_cause AS SELECT cause, device, count(*) AS "          \
  "commands, datetime(max(sent_at), 'unixepoch', 'localtime') AS "             \
  "last_attempt, coalesce(error, '') AS error FROM commands WHERE "            \
  "cause IS NOT NULL GROUP BY cause, device ORDER BY commands DESC, "          \
  "cause, device;"                                                             \
  "PRAGMA application_id = 1330529620;"                                        \
  "PRAGMA user_version = 1;"

#endif
