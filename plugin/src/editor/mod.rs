//! The editor: the window that a host shows. Runs on the host's thread for windows; what it wants of the engine it asks of
//! the [`Desk`], what it turns are the host's parameters.
//!
//! ```text
//! app -> header    what plays, where it is, how the machine copes
//!     -> browser   the library
//!     -> graph     boxes, lines and levels; scope: one node's sound
//!     -> text      the preset, its colours and mistakes
//!     -> deck      knobs, faders, settings -> dial (what a hand does) -> the host
//! ```
#![allow(clippy::disallowed_types, reason = "the window's thread locks, the audio thread does not")]

mod app;
mod browser;
mod deck;
mod dial;
pub mod extent;
mod graph_view;
mod header;
mod knob;
mod levels;
mod marks;
mod saving;
mod scope;
#[cfg(test)]
mod screen;
mod syntax;
mod text;
mod theme;

use crate::desk::Desk;
use crate::params::InstrumentParams;
use app::App;
use extent::{Extent, LEAST, Measures};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize};
use nice_plug::editor::{HostMethods, ParentWindowHandle, ResizeHint, SpawnedEditor};
use nice_plug::prelude::Editor;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::{
    EguiEditorHandle, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, RepaintNotifier,
    create_egui_editor,
};
use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The editor of an instrument. It outlives its windows: what was looked at is there again when one opens anew.
pub struct InstrumentEditor {
    app: Arc<Mutex<App>>,
    extent: Extent,
    /// Pixels of a point, as the last window had them.
    scale: Arc<AtomicU32>,
}

impl InstrumentEditor {
    /// Of an instrument with these parameters, at whose desk this is.
    pub fn new(desk: &Arc<Desk>, params: &Arc<InstrumentParams>) -> Self {
        Self {
            app: Arc::new(Mutex::new(App::new(desk, params))),
            extent: params.extent.clone(),
            scale: Arc::new(AtomicU32::new(1.0f32.to_bits())),
        }
    }
}

impl Editor for InstrumentEditor {
    type Handle = EguiEditorHandle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        let Measures { width, height, zoom } = self.extent.load();
        // A state of its own for each window: it cannot be told another size once a session has been read.
        let state = EguiEditorState::from_size(LogicalSize::new(width, height), zoom);
        let settings =
            EguiNiceSettings::new().with_tile(crate::identity::NAME).with_resize_hint(self.resize_hint());
        let window = Window {
            app: Arc::clone(&self.app),
            extent: self.extent.clone(),
            scale: Arc::clone(&self.scale),
        };
        let editor = create_egui_editor(state, RepaintNotifier::new(), settings, window);
        editor.ok_or("no editor")?.spawn(parent, wait_for_parent, fallback_scale_factor, gui_context, host)
    }

    fn size(&self) -> NativeSize<u32> {
        let Measures { width, height, zoom } = self.extent.load();
        let size: LogicalSize<f32> = LogicalSize::new(width * zoom, height * zoom);
        NativeSize::from_size(size.into(), f64::from(f32::from_bits(self.scale.load(Ordering::Relaxed))))
    }

    fn resize_hint(&self) -> ResizeHint {
        ResizeHint::RESIZABLE.with_min_logical_size(LogicalSize::new(LEAST.0, LEAST.1))
    }
}

/// One window of the editor.
struct Window {
    app: Arc<Mutex<App>>,
    extent: Extent,
    scale: Arc<AtomicU32>,
}

impl Window {
    fn app(&self) -> MutexGuard<'_, App> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NiceEguiApp for Window {
    fn build(&mut self, ctx: egui::Context, gui: GuiContext, frame: &mut Frame) -> Result<(), HandlerError> {
        theme::wear(&ctx);
        frame.set_clear_color(theme::NIGHT.into());
        self.app().open(gui);
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        self.app().show(ui);
    }

    fn resized(&mut self, size: WindowSize) {
        let (width, height) = (size.logical.width as f32, size.logical.height as f32);
        let zoom = self.extent.load().zoom;
        self.scale.store((size.scale_factor as f32 / zoom).to_bits(), Ordering::Relaxed);
        self.extent.store(Measures { width, height, zoom });
    }

    fn zoom_factor_changed(&mut self, zoom: f32) {
        self.extent.store(Measures { zoom, ..self.extent.load() });
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.app().close();
    }
}
