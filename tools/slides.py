"""Settings of nbconvert for slides, and for pages that describe their pictures.

Usage: jupyter nbconvert --to slides --config tools/slides.py NOTEBOOK ...
       jupyter nbconvert --to html --config tools/slides.py --output-dir build/pages NOTEBOOK ...

The slide types of the cells say what is shown, the tag hide-input where it is shown without its code.
"""

import html
from pathlib import Path

c = get_config()  # noqa: F821
c.FilesWriter.build_directory = "build/slides"
c.SlidesExporter.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
c.SlidesExporter.exclude_input_prompt = c.SlidesExporter.exclude_output_prompt = True
c.SlidesExporter.reveal_width, c.SlidesExporter.reveal_height = "1240", "775"


def describe(notebook, resources):
    """Write each picture with a description as an img tag of its own: nbconvert's would have none."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("metadata", {}).get("image/png", {})
            if "alt" in picture:
                source, alt = output.data.pop("image/png"), html.escape(picture["alt"])
                tag = f'<img src="data:image/png;base64,{source}" alt="{alt}" width="{picture["width"]}">'
                output.data["text/html"] = tag
    return notebook, resources


c.HTMLExporter.preprocessors = [describe]

modules = Path("node_modules")
if Path("build/slides", modules).exists():
    # put there by npm: the slides need no internet
    c.SlidesExporter.reveal_url_prefix = (modules / "reveal.js").as_posix()
    c.SlidesExporter.require_js_url = (modules / "requirejs/require.js").as_posix()
    c.SlidesExporter.jquery_url = (modules / "jquery/dist/jquery.min.js").as_posix()
