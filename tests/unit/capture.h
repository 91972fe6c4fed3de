/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is printed on standard output, for the tests of cli/.
 *
 *	capture_begin();
 *	render_table(list, n);
 *	is_str(capture_end(), "NAME …", "a table");
 */
#ifndef VMFO_TESTS_CAPTURE_H
#define VMFO_TESTS_CAPTURE_H

/* From now on standard output is a file, and TAP has to wait. Bails out if it cannot. */
void capture_begin(void);

/* Back to TAP.  Return: what was printed meanwhile; static, until the next one. */
const char *capture_end(void);

#endif
