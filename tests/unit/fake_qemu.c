/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_qemu.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "tap.h"

static const char program[] =
	"#!/usr/bin/env python3\n"
	"import json, os\n"
	"answers = json.loads(r'''%s''')\n"
	"answers['qmp_capabilities'] = answers['quit'] = {}\n"
	"qmp = os.fdopen(3, 'r+b', buffering=0)\n"
	"def say(what):\n"
	"    qmp.write(json.dumps(what).encode() + b'\\n')\n"
	"version = {'major': 9, 'minor': 2, 'micro': 1}\n"
	"say({'QMP': {'version': {'qemu': version}, 'capabilities': []}})\n"
	"for line in iter(qmp.readline, b''):\n"
	"    asked = json.loads(line)\n"
	"    command = asked['execute']\n"
	"    words = ' '.join([command, *map(str, asked.get('arguments', {}).values())])\n"
	"    answer = answers.get(words, answers.get(command))\n"
	"    if answer is None:\n"
	"        error = {'class': 'GenericError', 'desc': 'no answer to ' + words}\n"
	"        say({'error': error, 'id': asked['id']})\n"
	"    else:\n"
	"        say({'return': answer, 'id': asked['id']})\n"
	"    if command == 'quit':\n"
	"        break\n";

char *fake_qemu_make(const char *dir, const char *answers)
{
	char *path = str_printf("%s/qemu", dir);
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	if (!f)
		bail("fopen %s", path);
	fprintf(f, program, answers);
	if (fclose(f) != 0 || chmod(path, 0755) < 0)
		bail("write %s", path);
	return path;
}
