# vulkaninfo as a flat table: path -> value, of everything that it tells about the first device.
import json
import pathlib


def flatten(value, path=""):
    """Lists of flags become one entry a flag, so that a difference names the flag."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{path}/{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, str):
                yield f"{path}/{inner}", True
            else:
                yield from flatten(inner, f"{path}/{index}")
    else:
        yield path, value


def memory_of(text):
    """VkPhysicalDeviceMemoryProperties, which only the text output has. Paths come from the indentation."""
    start = text.index("VkPhysicalDeviceMemoryProperties:\n")
    section = text[start : text.index("VkPhysicalDeviceFeatures:\n", start)]
    path = []
    for line in section.splitlines()[2:]:
        depth = len(line) - len(line.lstrip("\t"))
        key, _, value = line.strip().partition(" = ")
        if key:
            path[depth:] = [key.strip().split(": count")[0].rstrip(":")]
            yield "memory/" + "/".join(path), value or True


def device_facts(run, scratch):
    """run: runs a command and returns what has .output. scratch: a folder for vulkaninfo's file."""
    file = pathlib.Path(scratch) / "vulkaninfo.json"
    run("vulkaninfo", "--json", "--output", file)
    facts = dict(flatten(json.loads(file.read_text())["capabilities"]["device"]))
    return facts | dict(memory_of(run("vulkaninfo", "--text").output))
