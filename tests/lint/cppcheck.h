/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What cppcheck, which does not read the system's headers, has to know of them.
 */
/* clang-format off */
#define static_assert(...)
#define TAILQ_HEAD(name, type) struct name { struct type *first, **last; }
#define TAILQ_ENTRY(type) struct { struct type *next, **prev; }
#define TAILQ_FIRST(head) ((head)->first)
#define TAILQ_NEXT(item, field) ((item)->field.next)
#define TAILQ_FOREACH(item, head, field) \
	for ((item) = (head)->first; (item); (item) = (item)->field.next)
#define json_array_foreach(array, index, value) \
	for ((index) = 0; ((value) = json_array_get(array, index)); (index)++)
#define json_object_foreach(object, key, value) \
	for ((key) = 0; ((value) = json_object_get(object, key)); (key)++)
