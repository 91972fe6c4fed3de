/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The decoding of what a running QEMU answers: any JSON, as the answer to every question.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/qemu_decode.h"
#include "host/qemu_failover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_pci(const json_t *answer)
{
	json_t *devices = qemu_decode_pci(answer), *device;
	struct qemu_pci_place place;
	const char *id;

	json_object_foreach (devices, id, device)
		if (qemu_decode_pci_place(devices, id, &place) == 0)
			assert(place.bus <= 255 && place.slot <= 31 && place.function <= 7);
	json_decref(devices);
}

static void decode_qom(const json_t *answer)
{
	struct err err = ERR_INIT;
	struct qom_child *list;
	char name[QEMU_NAME_SIZE];
	size_t n;

	if (qemu_decode_children(answer, "/machine", &list, &n, &err) == 0)
		for (size_t i = 0; i < n; i++)
			assert(strlen(list[i].name) > 0 && strlen(list[i].type) > 0);
	free(list);
	qemu_decode_has(answer, "mac");
	if (qemu_decode_path_end(answer, name))
		assert(!strchr(name, '/'));
	json_decref(qemu_decode_value(answer));
	free(qemu_decode_machine_type(answer));
	free(qemu_decode_cpu_type(answer));
}

static void decode_failover(const json_t *answer)
{
	struct qemu_failover said;

	qemu_failover_decode(answer, "net0", &said);
	assert(!strpbrk(said.error, "\n\033"));
	qemu_failover_decode_entry(answer, &said);
	assert(!strpbrk(said.error, "\n\033"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *answer = json_loadb((const char *)data, size,
				    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	enum fact driver_ok, negotiated;
	uint64_t number;
	uint16_t value;

	if (!answer)
		return 0;
	decode_qom(answer);
	decode_pci(answer);
	decode_failover(answer);
	if (qemu_decode_virtio_status(answer, &driver_ok, &negotiated) < 0)
		assert(driver_ok == FACT_UNKNOWN && negotiated == FACT_UNKNOWN);
	qemu_decode_xp(answer, 0xb0010034, &value);
	qemu_decode_number(answer, &number);
	json_decref(answer);
	return 0;
}
