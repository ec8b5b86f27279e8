/* SPDX-License-Identifier: MIT
 *
 * ledger_schema owns the SQL that creates the tables of the ledger's file, from
 * the lists in ledger_table.h, and its views. Private to store_sqlite and
 * sqlite_file.
 */
#ifndef ONENET_LEDGER_SCHEMA_H
#define ONENET_LEDGER_SCHEMA_H

#define LEDGER_SCHEMA_APPLICATION_ID 1330529620 /* "ONET" */
#define LEDGER_SCHEMA_VERSION 6

/* Statements that create the present version in an empty file, to be run in one
 * transaction. NULL ends the list, and that of each step. */
extern const char *const ledger_schema[];

/* Steps that migrate a file: step n turns version n into version n + 1, for n
 * from 1 on. */
extern const char *const *const ledger_schema_steps[LEDGER_SCHEMA_VERSION];

#endif
