# vulkaninfo as a flat table: path -> value, of everything that it tells about the first device; and what vk.xml says
# about which paths exist only with which extension.
import json
import pathlib
import re
import xml.etree.ElementTree

REGISTRY = pathlib.Path("/usr/share/vulkan/registry/vk.xml")


def flatten(value, path=""):
    """Lists of flags become one entry a flag, so that a difference names the flag."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{path}/{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], int):
        yield path, str(value)  # numbers, such as a UUID or a size, differ as one
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, str):
                yield f"{path}/{inner}", True
            else:
                yield from flatten(inner, f"{path}/{index}")
    else:
        yield path, value


def without_structures(facts):
    """A feature that was promoted to core lies in another structure then, which depends on the API version alone. So
    the names of feature and property structures are left out."""
    for path, value in facts:
        yield re.sub(r"^(features|properties)/VkPhysicalDevice\w+/", r"\1/", path), value


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
    # vulkaninfo 1.4.309 gives keys to the elements of VkPhysicalDeviceLayeredApiPropertiesListKHR, which is not JSON.
    text = re.sub(r'^(\s*)"\d+": \{', r"\1{", file.read_text(), flags=re.MULTILINE)
    facts = dict(without_structures(flatten(json.loads(text)["capabilities"]["device"])))
    return facts | dict(memory_of(run("vulkaninfo", "--text").output))


class Registry:
    """vk.xml, as far as it tells which extension brings which feature and property."""

    def __init__(self):
        root = xml.etree.ElementTree.parse(REGISTRY).getroot()
        members, aliases = {}, {}
        for struct in root.iterfind("types/type[@category='struct']"):
            if alias := struct.get("alias"):
                aliases[struct.get("name")] = alias
            members[struct.get("name")] = [member.findtext("name") for member in struct.iterfind("member")]
        self._members = {}
        for extension in root.iterfind("extensions/extension"):
            names = [each.get("name") for each in extension.iterfind("require/type")]
            self._members[extension.get("name")] = {
                member for name in names for member in members.get(aliases.get(name, name), [])
            }

    def belongs_to(self, path, extensions):
        """Whether one of the extensions has brought the feature or property at `path`."""
        kind, _, rest = path.partition("/")
        if kind not in ("features", "properties"):
            return False
        member = rest.split("/")[0]
        return any(member in self._members.get(each, ()) for each in extensions)
