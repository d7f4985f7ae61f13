"""Settings of nbconvert for slides.

Usage: jupyter nbconvert --to slides --config tools/slides.py NOTEBOOK ...

The slide types of the cells say what is shown, the tag hide-input where it is shown without its code.
"""

from pathlib import Path

c = get_config()  # noqa: F821
c.FilesWriter.build_directory = "build/slides"
c.SlidesExporter.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
c.SlidesExporter.exclude_input_prompt = c.SlidesExporter.exclude_output_prompt = True
c.SlidesExporter.reveal_width, c.SlidesExporter.reveal_height = "1240", "775"

modules = Path("node_modules")
if Path("build/slides", modules).exists():
    # put there by npm: the slides need no internet
    c.SlidesExporter.reveal_url_prefix = (modules / "reveal.js").as_posix()
    c.SlidesExporter.require_js_url = (modules / "requirejs/require.js").as_posix()
    c.SlidesExporter.jquery_url = (modules / "jquery/dist/jquery.min.js").as_posix()
