"""The directive `first-picture PAGE`: what a page draws first, as a link to it.

The notebook has drawn it while the site was built, so that it cannot go stale.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class picture(nodes.General, nodes.Element):
    """Stands where the picture is to come."""


class FirstPicture(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        folder = self.env.docname.rpartition("/")[0]
        page = f"{folder}/{self.arguments[0]}".lstrip("/")
        self.env.note_dependency(str(self.env.doc2path(page)))
        return [picture(page=page)]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(picture)):
        page = place["page"]
        images = app.env.get_doctree(page).findall(nodes.image)
        if (drawn := next(iter(images), None)) is None:
            logger.warning("%s draws nothing to show in %s", page, docname)
            place.parent.remove(place)
            continue
        shown = nodes.image(uri=drawn["uri"], candidates={"*": drawn["uri"]}, alt="")
        target = app.builder.get_relative_uri(docname, page)
        place.replace_self(nodes.reference("", "", shown, refuri=target, internal=True))


def setup(app: Sphinx) -> dict:
    app.add_node(picture)
    app.add_directive("first-picture", FirstPicture)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
