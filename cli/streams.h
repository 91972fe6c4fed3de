/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The three standard streams, whatever state they were handed over in.
 */
#ifndef VMFO_CLI_STREAMS_H
#define VMFO_CLI_STREAMS_H

/*
 * Sees to it that no socket or file gets the number of a standard stream that the caller
 * closed, and that a reader who goes away does not end vmfo: a write fails instead.
 */
void streams_prepare(void);

/*
 * Writes out what is left of the result.  Return: status, or 1 in place of 0 when standard
 * output could not be written: a result that nobody got is not a success.
 */
int streams_finish(int status);

#endif
