/* SPDX-License-Identifier: MIT
 *
 * ledger_schema owns the SQL that makes the tables of the ledger's file, out of
 * the lists of ledger_table.h, and its views. Private to store_sqlite.
 */
#ifndef ONENET_LEDGER_SCHEMA_H
#define ONENET_LEDGER_SCHEMA_H

#define LEDGER_SCHEMA_APPLICATION_ID 1330529620 /* "ONET" */
#define LEDGER_SCHEMA_VERSION 2

/* SQL that makes the present version in an empty file. NULL-terminated, like
 * the steps; to be run within one transaction. */
extern const char *const ledger_schema[];

/* Step n makes version n + 1 out of version n, from 1 on. */
extern const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION];

#endif
